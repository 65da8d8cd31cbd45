//! Why a signature was refused, in the words and codes of each protocol.
//! It says nothing of permissions: those are `denial`'s.

/// Why a request was not authenticated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SigError {
    /// There is no Authorization header.
    #[error("Request is missing Authentication Token")]
    MissingToken,
    /// The Authorization header or the date cannot be read.
    #[error("{0}")]
    Incomplete(String),
    /// The access key is unknown, or the session token is not the one that belongs to it.
    #[error("The security token included in the request is invalid.")]
    UnknownKey,
    /// The session is over.
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    /// The signature is for another date, region, service, or for too few headers.
    #[error("{0}")]
    Scope(String),
    /// The clocks are too far apart.
    #[error("{0}")]
    Skew(String),
    #[error(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
    )]
    Mismatch,
}

/// The families of protocols, which name the same refusals differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Systems Manager: awsJson1.1; CloudWatch: awsJson1.0.
    Json,
    /// CloudWatch: Smithy RPC v2 CBOR. It has the words of JSON.
    Cbor,
    /// STS and Auto Scaling: awsQuery.
    Query,
    /// EC2: ec2Query.
    Ec2,
    /// S3: REST, with errors in XML of its own.
    S3,
}

/// What goes on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl SigError {
    /// Returns the status, code and message in which a service of that protocol refuses.
    pub(crate) fn on_wire(&self, protocol: Protocol) -> WireError {
        let (status, code) = match protocol {
            Protocol::Json | Protocol::Cbor => (400, self.json_code()),
            Protocol::Query => self.query_code(),
            Protocol::Ec2 => self.ec2_code(),
            Protocol::S3 => self.s3_code(),
        };
        let message = match code {
            "AuthFailure" => {
                "AWS was not able to validate the provided access credentials".to_owned()
            }
            "RequestExpired" => "Request has expired.".to_owned(),
            "AccessDenied" => "Access Denied".to_owned(),
            "InvalidAccessKeyId" => {
                "The AWS Access Key Id you provided does not exist in our records.".to_owned()
            }
            "RequestTimeTooSkewed" => {
                "The difference between the request time and the current time is too large."
                    .to_owned()
            }
            _ => self.to_string(),
        };
        WireError { status, code, message }
    }

    fn json_code(&self) -> &'static str {
        match self {
            Self::MissingToken => "MissingAuthenticationTokenException",
            Self::Incomplete(_) => "IncompleteSignatureException",
            Self::UnknownKey => "UnrecognizedClientException",
            Self::ExpiredToken => "ExpiredTokenException",
            Self::Scope(_) | Self::Skew(_) | Self::Mismatch => "InvalidSignatureException",
        }
    }

    fn query_code(&self) -> (u16, &'static str) {
        match self {
            Self::MissingToken => (403, "MissingAuthenticationToken"),
            Self::Incomplete(_) => (400, "IncompleteSignature"),
            Self::UnknownKey => (403, "InvalidClientTokenId"),
            Self::ExpiredToken => (403, "ExpiredToken"),
            Self::Scope(_) | Self::Skew(_) | Self::Mismatch => (403, "SignatureDoesNotMatch"),
        }
    }

    /// S3's own codes (its error reference).
    fn s3_code(&self) -> (u16, &'static str) {
        match self {
            Self::MissingToken => (403, "AccessDenied"),
            Self::Incomplete(_) | Self::Scope(_) => (400, "AuthorizationHeaderMalformed"),
            Self::ExpiredToken => (400, "ExpiredToken"),
            Self::UnknownKey => (403, "InvalidAccessKeyId"),
            Self::Skew(_) => (403, "RequestTimeTooSkewed"),
            Self::Mismatch => (403, "SignatureDoesNotMatch"),
        }
    }

    fn ec2_code(&self) -> (u16, &'static str) {
        match self {
            Self::MissingToken => (403, "MissingAuthenticationToken"),
            Self::Incomplete(_) => (400, "IncompleteSignature"),
            Self::ExpiredToken | Self::Skew(_) => (400, "RequestExpired"),
            Self::UnknownKey | Self::Scope(_) | Self::Mismatch => (401, "AuthFailure"),
        }
    }
}
