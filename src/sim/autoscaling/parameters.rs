//! Reads the parameters of the operations that change a group, and words what is wrong with them.

use super::{ApiError, Form, invalid};

/// A form, and the constraints that it does not keep to.
pub(super) struct Checked<'a> {
    form: &'a Form,
    violations: Vec<String>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(form: &'a Form) -> Self {
        Self { form, violations: Vec::new() }
    }

    /// Returns a text that has to be there, of 1 to `max` characters.
    pub(super) fn text(&mut self, name: &str, max: usize) -> &'a str {
        let text = self.form.text(name);
        match text {
            None => self.note(name, "null", "not be null"),
            Some("") => {
                self.note(name, "''", "have length greater than or equal to 1");
            }
            Some(it) if it.chars().count() > max => {
                let why = format!("have length less than or equal to {max}");
                self.note(name, &format!("'{it}'"), &why);
            }
            Some(_) => {}
        }
        text.unwrap_or_default()
    }

    /// Returns a boolean that has to be there.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        let flag = self.form.boolean(name)?;
        if flag.is_none() {
            self.note(name, "null", "not be null");
        }
        Ok(flag.unwrap_or_default())
    }

    /// Returns up to `max` ids.
    pub(super) fn ids(&mut self, name: &str, max: usize) -> Result<Vec<String>, ApiError> {
        let ids = self.form.texts(name)?;
        if ids.len() > max {
            let why = format!("have length less than or equal to {max}");
            self.note(name, &format!("'[{}]'", ids.join(", ")), &why);
        }
        Ok(ids.into_iter().map(str::to_owned).collect())
    }

    /// Refuses all violations at once, as AWS does.
    pub(super) fn done(self) -> Result<(), ApiError> {
        let n = self.violations.len();
        if n == 0 {
            return Ok(());
        }
        let noun = if n == 1 { "error" } else { "errors" };
        let all = self.violations.join("; ");
        Err(invalid(&format!("{n} validation {noun} detected: {all}")))
    }

    fn note(&mut self, name: &str, value: &str, why: &str) {
        let mut name = name.to_owned();
        name[..1].make_ascii_lowercase();
        self.violations.push(format!(
            "Value {value} at '{name}' failed to satisfy constraint: Member must {why}"
        ));
    }
}
