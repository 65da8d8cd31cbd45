//! AWSSupport-TroubleshootSSH: online with EC2Rescue for Linux. Its way offline leads to another
//! runbook, which is not implemented here, and fails saying so.

use super::{Acting, Outputs, Refusal};
use crate::sim::state::{Ping, Platform};

impl Acting<'_> {
    pub(super) fn troubleshoot(&mut self, step: &str) -> Result<Outputs, Refusal> {
        let id = self.parameter("InstanceId");
        let found = self.state.instances.get(&id).filter(|it| it.ec2_state != "terminated");
        let Some((platform, is_online)) =
            found.map(|it| (it.platform, it.ping == Ping::Online && it.ec2_state == "running"))
        else {
            let why = format!("The instance ID '{id}' does not exist");
            return Err(Refusal::ec2("InvalidInstanceID.NotFound", "DescribeInstances", &why));
        };
        match step {
            "assertInstanceIsLinux" => {
                self.needs("ec2:DescribeInstances", "*")?;
                if platform != Platform::Linux {
                    let why = format!("The instance {id} is not a Linux instance.");
                    return Err(Refusal::of("Verification", why));
                }
                Ok(Vec::new())
            }
            "describeManagedInstance" => {
                self.needs("ssm:DescribeInstanceInformation", "*")?;
                let word = if is_online { "Online" } else { "ConnectionLost" };
                Ok(vec![("PingStatus", word.to_owned())])
            }
            "assertAllowOffline" => Err(Refusal::of(
                "Verification",
                "The instance is not a managed instance: Action FixAll and AllowOffline True are \
                 needed to repair it offline.",
            )),
            "installEC2Rescue" => {
                self.online(is_online)?;
                self.needs("ssm:SendCommand", "document/AWS-ConfigureAWSPackage")?;
                Ok(Vec::new())
            }
            "troubleshootSSH" => {
                self.online(is_online)?;
                self.needs("ssm:SendCommand", "document/AWSSupport-RunEC2RescueForLinuxTool")?;
                Ok(vec![("Output", "[SUCCESS] openssh".to_owned())])
            }
            "troubleshootSSHOffline" | "troubleshootSSHOfflineWithSubnetId" => Err(Refusal::of(
                "Internal",
                "AWSSupport-ExecuteEC2Rescue is not implemented by this simulator.",
            )),
            _ => Ok(Vec::new()), // a branch
        }
    }

    fn online(&self, is_online: bool) -> Result<(), Refusal> {
        if is_online {
            return Ok(());
        }
        Err(Refusal::of("Verification", "SSM Agent on the instance is not functioning."))
    }
}
