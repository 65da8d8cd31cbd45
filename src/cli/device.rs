//! The role of a profile, and the code of an MFA device.
//! Nothing here is sent anywhere.

use super::{access::AccessArgs, prompt};
use crate::{
    aws::{self, Access, Mfa, ProfileRole, RoleProfile},
    error::Error,
    exit::Exit,
    output::Terminal,
};

/// Does for the role of a profile what the SDK does not: its session is named after the run, narrowed
/// to it, and opened with a code where the profile names a device.
pub(super) async fn follow_profile(
    args: &mut AccessArgs,
    terminal: &mut Terminal,
) -> Result<(), Error> {
    let access = Access { profile: args.profile.clone(), ..Access::default() };
    let Some(found) = aws::role_profile(&access).await else { return Ok(()) };
    let RoleProfile { name, mfa_serial, role, device_behind } = found;
    if let Some((behind, serial)) = device_behind {
        let message = format!(
            "the profile {name} takes its credentials from the profile {behind}, whose role needs \
             a code of {serial}: fleet asks for a code for the last role alone"
        );
        return Err(Error::new(Exit::Setup, message).hint(format!(
            "take that role first: eval \"$(aws configure export-credentials --profile {behind} \
             --format env)\", and then pass --role-arn in place of --profile"
        )));
    }
    let Some(ProfileRole { arn, source_profile, external_id, duration }) = role else {
        if let Some(serial) = mfa_serial
            && args.role_arn.is_some()
            && args.mfa_serial.is_none()
        {
            terminal.note(&format!(
                "the profile {name} names the MFA device {serial}: pass --mfa-serial for the role \
                 to be assumed with its code"
            ));
        }
        return Ok(());
    };
    let is_other = args.role_arn.as_ref().is_some_and(|it| *it != arn);
    // A profile may be its own source, with keys that no other way leads to.
    let Some(source) = source_profile.filter(|it| *it != name) else {
        if mfa_serial.is_some() {
            let message = format!("the profile {name} names an MFA device and no source_profile");
            return Err(Error::new(Exit::Setup, message));
        }
        if !is_other {
            terminal.note(&format!(
                "the SDK assumes the role of the profile {name}, which has no source_profile of \
                 its own: the session is not narrowed to this run, and not named after it"
            ));
        }
        return Ok(());
    };
    if is_other {
        // The SDK assumes the profile's role, and from its session the other one is assumed.
        let Some(serial) = mfa_serial else { return Ok(()) };
        let message = format!(
            "the profile {name} assumes a role with a code of {serial}, and from a session of \
             that kind fleet assumes no other"
        );
        return Err(Error::new(Exit::Setup, message)
            .hint(format!("pass --profile {source}, whose credentials assume either")));
    }
    if args.region.is_none() {
        // Whoever names a profile means its region, and not that of the one behind it.
        args.region = aws::region(&access).await.ok();
    }
    args.profile = Some(source);
    args.role_arn = Some(arn);
    args.mfa_serial = args.mfa_serial.take().or(mfa_serial);
    args.external_id = args.external_id.take().or(external_id);
    args.duration = args.duration.or(duration);
    Ok(())
}

/// Returns the device and its code, which is asked for on the terminal if no flag holds it. It is
/// asked for before anything is sent to STS: an SDK would give up on whoever looks for their phone.
pub(super) async fn code(args: &AccessArgs, terminal: &mut Terminal) -> Result<Option<Mfa>, Error> {
    let Some(serial) = args.mfa_serial.clone() else {
        if args.mfa_token.is_some() {
            let message = "--mfa-token is the code of a device, and none was named";
            return Err(Error::new(Exit::Usage, message).hint("pass --mfa-serial ARN"));
        }
        return Ok(None);
    };
    if let Some(code) = args.mfa_token.clone() {
        return Ok(Some(Mfa { serial, code }));
    }
    if !terminal.is_interactive() {
        let message =
            format!("the role needs the code of {serial}, and there is no terminal to ask on");
        return Err(Error::new(Exit::Usage, message).hint("pass --mfa-token CODE"));
    }
    let code = prompt::code(terminal, &format!("Code of {serial}: ")).await?;
    Ok(Some(Mfa { serial, code }))
}
