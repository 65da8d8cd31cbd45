//! The protocols: how requests are read and answers are written.
//! It knows no operation.

pub(crate) mod answer;
pub(crate) mod cbor;
pub(crate) mod form;
pub(crate) mod protocol;
pub(crate) mod s3;
pub(crate) mod xml;
