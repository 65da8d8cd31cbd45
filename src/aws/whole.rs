//! Refuses an XML answer that ends in its middle: the SDK reads what is there and takes it for the
//! whole, and a group would seem smaller than it is. JSON that is cut fails by itself.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept,
            context::{AfterDeserializationInterceptorContextRef, InterceptorContext},
        },
        retries::classifiers::{ClassifyRetry, RetryAction},
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::config_bag::ConfigBag;

/// Looks at every answer of a client of the query protocol, and has a cut one asked for again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole;

impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "fleet-whole-answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let body = response.body().bytes().unwrap_or_default();
        if response.status().is_success() && !is_whole(&String::from_utf8_lossy(body)) {
            return Err("the answer ends in its middle".into());
        }
        Ok(())
    }
}

impl ClassifyRetry for Whole {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        match context.output_or_error() {
            // No other interceptor of these clients fails.
            Some(Err(err)) if err.is_interceptor_error() => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "fleet-whole-answer"
    }
}

/// Returns whether the element that `xml` begins with is closed at its end.
fn is_whole(xml: &str) -> bool {
    let mut rest = xml.trim();
    if let Some(declared) = rest.strip_prefix("<?") {
        let Some((_, after)) = declared.split_once("?>") else { return false };
        rest = after.trim_start();
    }
    let Some(root) = rest.strip_prefix('<') else { return false };
    let end = root.find(|it: char| it.is_whitespace() || it == '>' || it == '/');
    let name = &root[..end.unwrap_or(root.len())];
    let closing = rest.strip_suffix('>').map(str::trim_end).unwrap_or_default();
    let is_empty_element = closing.ends_with('/') && !closing.contains('>');
    is_empty_element || closing.strip_suffix(name).is_some_and(|it| it.ends_with("</"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_whose_root_is_closed_is_whole() {
        let check = |xml: &str, expected| assert_eq!(is_whole(xml), expected, "{xml}");
        let answer = "<?xml version=\"1.0\"?>\n<R xmlns=\"u\"><A>x</A><A>R</A></R>\n";
        check(answer, true);
        for end in 0..answer.len() - 1 {
            check(&answer[..end], false);
        }
        check("<R/>", true);
        check("<R><R/>", false);
        check("<R a=\"b\" />", true);
        check("", false);
        check("<html><body>", false);
        check("{}", false);
    }
}
