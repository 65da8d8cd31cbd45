//! CBOR, as the protocol Smithy RPC v2 CBOR has it, to and from the values of JSON.
//! It knows no operation: of a member it knows a timestamp by its name.

use minicbor::{
    Decoder, Encoder,
    data::{IanaTag, Type},
    decode, encode,
};
use serde_json::{Map, Number, Value};

/// No request of an operation nests so deep.
const DEEPEST: usize = 32;

/// Reads one value and nothing behind it. What JSON has no word for is refused.
pub(crate) fn read(body: &[u8]) -> Result<Value, String> {
    let mut decoder = Decoder::new(body);
    let value = value(&mut decoder, DEEPEST).map_err(|err| err.to_string())?;
    if decoder.position() < body.len() {
        return Err("there is more behind the first value".to_owned());
    }
    Ok(value)
}

fn value(from: &mut Decoder<'_>, depth: usize) -> Result<Value, decode::Error> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(decode::Error::message("it is nested too deep"));
    };
    Ok(match from.datatype()? {
        Type::Bool => from.bool()?.into(),
        Type::Null | Type::Undefined => {
            from.skip()?;
            Value::Null
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => from.u64()?.into(),
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => from.i64()?.into(),
        Type::F32 | Type::F64 => {
            let number = Number::from_f64(from.f64()?);
            number.map(Value::Number).ok_or_else(|| decode::Error::message("it is no number"))?
        }
        Type::String | Type::StringIndef => {
            from.str_iter()?.collect::<Result<Vec<_>, _>>()?.concat().into()
        }
        Type::Array | Type::ArrayIndef => {
            let length = from.array()?;
            let mut items = Vec::new();
            while more(from, length, items.len())? {
                items.push(value(from, depth)?);
            }
            items.into()
        }
        Type::Map | Type::MapIndef => {
            let length = from.map()?;
            let (mut members, mut n) = (Map::new(), 0);
            while more(from, length, n)? {
                let Value::String(name) = value(from, depth)? else {
                    return Err(decode::Error::message("a member has no name"));
                };
                members.insert(name, value(from, depth)?);
                n += 1;
            }
            members.into()
        }
        Type::Tag => {
            from.tag()?;
            value(from, depth)?
        }
        other => return Err(decode::Error::message(format!("{other} means nothing here"))),
    })
}

/// Tells whether a list or a map goes on, and passes by its end.
fn more(from: &mut Decoder<'_>, length: Option<u64>, n: usize) -> Result<bool, decode::Error> {
    if let Some(length) = length {
        return Ok((n as u64) < length);
    }
    if from.datatype()? == Type::Break {
        from.skip()?;
        return Ok(false);
    }
    Ok(true)
}

/// Writes a value; a number whose name ends in `Timestamp` is seconds since 1970.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::with_capacity(1024));
    put(&mut encoder, "", value).expect("writing to memory cannot fail");
    encoder.into_writer()
}

type Written = Result<(), encode::Error<std::convert::Infallible>>;

fn put(to: &mut Encoder<Vec<u8>>, name: &str, value: &Value) -> Written {
    match value {
        Value::Null => to.null()?,
        Value::Bool(it) => to.bool(*it)?,
        Value::Number(it) => {
            if is_timestamp(name) {
                to.tag(IanaTag::Timestamp)?;
            }
            match it.as_i64() {
                Some(it) => to.i64(it)?,
                None => to.f64(it.as_f64().unwrap_or_default())?,
            }
        }
        Value::String(it) => to.str(it)?,
        Value::Array(items) => {
            to.array(items.len() as u64)?;
            return items.iter().try_for_each(|it| put(to, name, it));
        }
        Value::Object(members) => {
            to.map(members.len() as u64)?;
            return members.iter().try_for_each(|(name, it)| {
                to.str(name)?;
                put(to, name, it)
            });
        }
    };
    Ok(())
}

/// Tells whether a member of that name is an instant: in CloudWatch's model they are called so.
pub(crate) fn is_timestamp(name: &str) -> bool {
    name.ends_with("Timestamp")
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::any, prop_assert_eq, proptest};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "AlarmNames": ["a", "ü"], "MaxRecords": 100, "Least": -1, "Threshold": 0.5,
            "Flag": true, "None": null, "At": {"StateUpdatedTimestamp": 1_700_000_000.25},
        });
        assert_eq!(read(&write(&value)).unwrap(), value);
    }

    #[test]
    fn lists_and_texts_may_be_of_unknown_length() {
        // {_ "a": [_ 1, (_ "x", "y")]}, as RFC 8949 writes it.
        let body = b"\xbf\x61a\x9f\x01\x7f\x61x\x61y\xff\xff\xff";
        assert_eq!(read(body).unwrap(), json!({"a": [1, "xy"]}));
    }

    #[test]
    fn an_instant_has_its_tag() {
        let body = write(&json!({"StateUpdatedTimestamp": 1, "Period": 1}));
        let tagged = b"\x75StateUpdatedTimestamp\xc1\x01";
        assert!(body.windows(tagged.len()).any(|it| it == tagged), "{body:x?}");
        assert!(body.windows(8).any(|it| it == b"\x66Period\x01"), "{body:x?}");
    }

    #[test]
    fn what_has_no_end_or_no_bottom_is_refused() {
        for body in [&b"\xbf"[..], b"\x81", b"\x00\x00", b"\x41a", b"\xf9\x00\x00", b""] {
            assert!(read(body).is_err(), "{body:x?}");
        }
        assert!(read(&[0x81; 1_000_000]).is_err());
        // A length that nothing follows is no reason to make room for it.
        assert!(read(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff").is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in vec(any::<u8>(), 0..300)) {
            if let Ok(value) = read(&body) {
                prop_assert_eq!(read(&write(&value)).map(|_| ()), Ok(()));
            }
        }
    }
}
