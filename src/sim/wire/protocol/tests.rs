//! Whatever the bytes of a request are, it is for an operation or it is refused.

use http::Request;
use proptest::{collection::vec, prelude::*, sample::select};

use super::*;

/// Requests in JSON and as forms, as their clients send them.
const GOOD: [(Option<&str>, &str); 6] = [
    (
        Some("AmazonSSM.SendCommand"),
        r#"{"DocumentName":"AWS-RunShellScript","Parameters":{"commands":["a"]},"NextToken":"t"}"#,
    ),
    (None, "Action=AssumeRole&Version=2011-06-15&Tags.member.1.Key=a&RoleSessionName=me"),
    (None, "Action=DescribeAutoScalingGroups&Version=2011-01-01&NextToken=t&MaxRecords=1"),
    (None, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=a&Filter.1.Value.1=b"),
    (None, "Action=DescribeAlarms&Version=2010-08-01&AlarmNames.member.1=a&NextToken=t"),
    (Some("GraniteServiceVersion20100801.DescribeAlarms"), r#"{"AlarmNames":["a"]}"#),
];

fn request(target: Option<&[u8]>) -> Option<Parts> {
    let mut builder = Request::post("/");
    if let Some(target) = target {
        builder = builder.header("x-amz-target", target);
    }
    // A header that HTTP does not allow never gets here.
    builder.body(()).ok().map(|it| it.into_parts().0)
}

fn check(target: Option<&[u8]>, body: &[u8]) -> Result<(), TestCaseError> {
    let Some(parts) = request(target) else { return Ok(()) };
    match read(&parts, body) {
        Ok(mut asked) => {
            prop_assert!(asked.service() != Service::Ssm || target.is_some());
            prop_assert!(asked.protocol() == Protocol::Json || target.is_none());
            if matches!(asked, Asked::Json { body: Err(_), .. }) {
                prop_assert_eq!(asked.token(), None);
                return Ok(());
            }
            let token = asked.token().unwrap_or_default().to_owned();
            asked.set_token("other");
            prop_assert_eq!(asked.token(), Some("other"));
            asked.set_token(&token);
        }
        Err(it) => {
            prop_assert!((400..500).contains(&it.error.status));
            prop_assert!(!it.error.code.is_empty());
        }
    }
    Ok(())
}

#[test]
fn good_requests_lead_to_their_services() {
    let services = GOOD.map(|(target, body)| {
        let parts = request(target.map(str::as_bytes)).unwrap();
        read(&parts, body.as_bytes()).unwrap().service()
    });
    let [ssm, sts, scaling, ec2, form, json] = services;
    assert_eq!([ssm, sts], [Service::Ssm, Service::Sts]);
    assert_eq!([scaling, ec2], [Service::AutoScaling, Service::Ec2]);
    assert_eq!([form, json], [Service::CloudWatch; 2]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_it_panic(
        target in prop::option::of(vec(any::<u8>(), 0..40)),
        body in vec(any::<u8>(), 0..300),
    ) {
        check(target.as_deref(), &body)?;
    }

    #[test]
    fn no_damage_to_a_good_request_makes_it_panic(
        (target, body) in select(&GOOD[..]),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        end in any::<prop::sample::Index>(),
        is_cut: bool,
    ) {
        let mut body = body.as_bytes().to_vec();
        for (place, byte) in damage {
            let place = place.index(body.len());
            body[place] = byte;
        }
        if is_cut {
            body.truncate(end.index(body.len()));
        }
        check(target.map(str::as_bytes), &body)?;
    }

    #[test]
    fn no_path_and_no_bytes_of_cbor_make_it_panic(
        path in "(/service/(GraniteServiceVersion20100801|\\PC{0,9})(/operation(/\\PC{0,9}){0,2})?|/\\PC{0,9})",
        body in vec(any::<u8>(), 0..300),
    ) {
        let builder = Request::post(path.as_str()).header("smithy-protocol", "rpc-v2-cbor");
        // A path that HTTP does not allow never gets here.
        let Ok(request) = builder.body(()) else { return Ok(()) };
        match read(&request.into_parts().0, &body) {
            Ok(asked) => {
                prop_assert_eq!(asked.service(), Service::CloudWatch);
                prop_assert_eq!(asked.protocol(), Protocol::Cbor);
            }
            Err(it) => prop_assert!((400..500).contains(&it.error.status)),
        }
    }
}
