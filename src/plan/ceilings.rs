//! What a team allows at the most, whatever a flag says. A ceiling refuses; it never changes what
//! somebody asked for.

use super::{Limit, Plan};

/// All ceilings that apply, from every file: each of them holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ceilings(pub Vec<Ceiling>);

/// One ceiling, and the place that sets it, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ceiling {
    pub rule: CeilingRule,
    pub origin: String,
}

/// What is bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CeilingRule {
    MaxConcurrency(Limit),
    MaxErrors(Limit),
    /// A run carries out a plan that was written down, or nothing.
    RequirePlan,
    AllowDocuments(Vec<DocumentPattern>),
}

/// A document's name in which `*` stands for any text. It is held against the name as the plan has
/// it, ARN included: a shared document is allowed by its ARN alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentPattern(pub String);

/// A plan goes beyond a ceiling.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct AboveCeiling {
    pub what: String,
    /// The place that sets the ceiling.
    pub origin: String,
}

impl AboveCeiling {
    /// Returns the refusal of a run whose plan was not written down, although `origin` wants that.
    pub fn unwritten(origin: &str) -> Self {
        let what = "a run carries out a plan that was written down".to_owned();
        Self { what, origin: format!("{origin} = true") }
    }
}

impl Ceilings {
    /// Refuses a plan that is looser than any ceiling.
    ///
    /// Limits of one kind are compared as typed; a number and a percentage as what they come to
    /// over the population, and where that is not known nothing proves that the ceiling holds.
    pub fn admit(&self, plan: &Plan) -> Result<(), AboveCeiling> {
        for Ceiling { rule, origin } in &self.0 {
            let refused = match rule {
                CeilingRule::MaxConcurrency(most) => {
                    let input = plan.limits.max_concurrency.input;
                    above("--max-concurrency", input, *most, plan, Limit::resolve_concurrency)
                }
                CeilingRule::MaxErrors(most) => {
                    let input = plan.limits.max_errors.input;
                    above("--max-errors", input, *most, plan, Limit::resolve_errors)
                }
                CeilingRule::AllowDocuments(patterns) => not_allowed(patterns, &plan.document.name),
                CeilingRule::RequirePlan => None,
            };
            if let Some(what) = refused {
                return Err(AboveCeiling { what, origin: origin.clone() });
            }
        }
        Ok(())
    }

    /// Refuses a document that may not be run, whatever the plan.
    pub fn admit_document(&self, name: &str) -> Result<(), AboveCeiling> {
        for Ceiling { rule, origin } in &self.0 {
            if let CeilingRule::AllowDocuments(patterns) = rule
                && let Some(what) = not_allowed(patterns, name)
            {
                return Err(AboveCeiling { what, origin: origin.clone() });
            }
        }
        Ok(())
    }

    /// Refuses to carry out a plan that nobody could look at beforehand, whether it is begun or
    /// gone on with.
    pub fn admit_run(&self, plan: &Plan) -> Result<(), AboveCeiling> {
        match self.requires_plan().filter(|_| !plan.is_written) {
            None => Ok(()),
            Some(origin) => Err(AboveCeiling::unwritten(origin)),
        }
    }

    /// Returns the place that wants every run to carry out a plan that was written down.
    pub fn requires_plan(&self) -> Option<&str> {
        let found = self.0.iter().find(|it| it.rule == CeilingRule::RequirePlan);
        found.map(|it| it.origin.as_str())
    }

    /// Returns the concurrency for a plan that nobody gave one, if the one it has is looser than a
    /// ceiling.
    pub fn tighter_concurrency(&self, plan: &Plan) -> Option<Limit> {
        let ceilings = self.0.iter().filter_map(|it| {
            let CeilingRule::MaxConcurrency(most) = it.rule else { return None };
            Some(most)
        });
        let input = plan.limits.max_concurrency.input;
        tighter(input, ceilings, plan.planned(), Limit::resolve_concurrency)
    }

    /// Returns the errors for a plan that nobody gave any, as `tighter_concurrency` does.
    pub fn tighter_errors(&self, plan: &Plan) -> Option<Limit> {
        let ceilings = self.0.iter().filter_map(|it| {
            let CeilingRule::MaxErrors(most) = it.rule else { return None };
            Some(most)
        });
        tighter(plan.limits.max_errors.input, ceilings, plan.planned(), Limit::resolve_errors)
    }
}

fn tighter(
    input: Limit,
    ceilings: impl Iterator<Item = Limit>,
    population: Option<u32>,
    resolve: fn(Limit, u32) -> u32,
) -> Option<Limit> {
    ceilings.fold(None, |res: Option<Limit>, most| {
        let looser = is_above(res.unwrap_or(input), most, population, resolve);
        if looser == Some(false) { res } else { Some(most) }
    })
}

fn not_allowed(patterns: &[DocumentPattern], name: &str) -> Option<String> {
    if patterns.iter().any(|it| it.matches(name)) {
        return None;
    }
    let allowed: Vec<&str> = patterns.iter().map(|it| it.0.as_str()).collect();
    let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
    Some(format!("document {name} is not among those that are allowed: {allowed}"))
}

impl DocumentPattern {
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let mut parts: Vec<&str> = parts.collect();
        let Some(last) = parts.pop() else { return rest.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }
}

fn above(
    flag: &str,
    input: Limit,
    most: Limit,
    plan: &Plan,
    resolve: fn(Limit, u32) -> u32,
) -> Option<String> {
    match is_above(input, most, plan.planned(), resolve) {
        Some(false) => None,
        Some(true) => Some(format!("{flag} {input} is above the ceiling of {most}")),
        None => Some(format!(
            "{flag} {input} cannot be held against the ceiling of {most}: how many instances \
             there are is not known"
        )),
    }
}

fn is_above(
    input: Limit,
    most: Limit,
    population: Option<u32>,
    resolve: fn(Limit, u32) -> u32,
) -> Option<bool> {
    match (input, most) {
        (Limit::Count(input), Limit::Count(most)) => Some(input > most),
        (Limit::Percent(input), Limit::Percent(most)) => Some(input > most),
        // No slot, and no error, of a run is outside its population.
        _ => match population {
            Some(n) => Some(resolve(input, n).min(n) > resolve(most, n)),
            // What no population can make too much needs none: no errors, one slot.
            None if holds_anywhere(input, most, resolve) => Some(false),
            None => None,
        },
    }
}

fn holds_anywhere(input: Limit, most: Limit, resolve: fn(Limit, u32) -> u32) -> bool {
    // Either side grows with the population: it is enough to look at its far end.
    match (input, most) {
        (_, Limit::Percent(100)) => true,
        (Limit::Count(input), _) => input <= resolve(most, 0),
        (Limit::Percent(_), _) => resolve(input, u32::MAX) <= resolve(most, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_one_kind_are_compared_as_typed_and_others_as_what_they_come_to() {
        let check = |input: &str, most: &str, population, expected| {
            let limit = |it: &str| it.parse::<Limit>().unwrap();
            let res = is_above(limit(input), limit(most), population, Limit::resolve_concurrency);
            assert_eq!(res, expected, "{input} under {most} of {population:?}");
        };
        check("50%", "25%", Some(2), Some(true));
        check("25%", "25%", None, Some(false));
        check("11", "10", Some(5), Some(true));
        check("10", "25%", Some(40), Some(false));
        check("11", "25%", Some(40), Some(true));
        check("1", "25%", Some(2), Some(false));
        check("50%", "10", Some(20), Some(false));
        check("50%", "10", Some(22), Some(true));
        check("10", "25%", None, None);
        check("50%", "10", None, None);
        check("1", "25%", None, Some(false));
        check("10", "100%", None, Some(false));
    }

    #[test]
    fn no_errors_are_below_every_ceiling_of_any_population() {
        let check = |input: &str, most: &str, expected| {
            let limit = |it: &str| it.parse::<Limit>().unwrap();
            let res = is_above(limit(input), limit(most), None, Limit::resolve_errors);
            assert_eq!(res, expected, "{input} under {most}");
        };
        check("0", "5%", Some(false));
        check("0%", "0", Some(false));
        check("1", "5%", None);
        check("1%", "5", None);
        check("7", "100%", Some(false));
    }

    #[test]
    fn a_star_stands_for_any_text_and_nothing_else_does() {
        let check = |pattern: &str, name: &str, expected| {
            assert_eq!(DocumentPattern(pattern.to_owned()).matches(name), expected, "{pattern}");
        };
        check("Fleet-*", "Fleet-Restart", true);
        check("Fleet-*", "arn:aws:ssm:us-east-1:210987654321:document/Fleet-Restart", false);
        check("Fleet-*", "fleet-Restart", false);
        check("AWS-RunShellScript", "AWS-RunShellScript", true);
        check("AWS-RunShellScript", "AWS-RunShellScript2", false);
        check("*-Run*Script", "AWS-RunShellScript", true);
        check("a*a", "a", false);
        check("*", "anything", true);
        check("F.eet", "Fleet", false);
    }
}
