//! AWSSupport-StartEC2RescueWorkflow: the root volume of an instance goes to a helper, a script is run
//! on it there, and it comes back. Until the instance is stopped a failure touches nothing and takes
//! the stack away; after that nothing is undone: the volume stays where it is.

use super::{Acting, Outputs, Refusal, base64};
use crate::sim::{
    ids,
    machines::{self, Attachment, Backup},
    network::Internet,
    state::{Instance, Ping, Platform},
};

/// Where the root volume hangs on the helper.
const DEVICE: &str = "xvdf";

/// The most that a step shows of what a command printed.
const OUTPUT: usize = 2_500;

impl Acting<'_> {
    pub(super) fn rescue(&mut self, step: &str) -> Result<Outputs, Refusal> {
        let id = self.parameter("InstanceId");
        let stack = format!("AWSSupport-EC2Rescue-{}", self.execution().id);
        match step {
            "describeInstance" => self.describe(&id),
            "describeRootVolume" => self.describe_root(&id),
            "assertRootVolumeIsEbs" => self.assert_ebs(&id),
            "assertRootVolumeIsNotEncrypted" => self.assert_encryption(),
            "describeSubnet" => self.describe_subnet(&id),
            "createRescueStack" => self.create_stack(&stack),
            "validateInputs" => self.validate(&id, &stack),
            "launchHelperInstance" => self.launch_helper(&id, &stack),
            "waitForHelperInstance" => self.wait_for_helper(),
            "stopInstance" => self.stop(&id),
            "preScriptBackup" | "postScriptBackup" => self.back_up(&id, step),
            "installEC2Rescue" => {
                self.needs("ssm:SendCommand", "document/AWS-ConfigureAWSPackage")?;
                self.helper_is_there()?;
                Ok(Vec::new())
            }
            "detachRootVolume" => self.detach(&id),
            "attachRootVolumeToHelper" => self.attach_to_helper(),
            "runScriptForWindows" | "runScriptForLinux" => self.run_script(step),
            "stopHelperInstance" => {
                let helper = self.helper_is_there()?;
                self.needs("ec2:StopInstances", &format!("instance/{helper}"))?;
                machines::stopped(self.state, &helper, self.at);
                Ok(Vec::new())
            }
            "detachRootVolumeFromHelper" => {
                let helper = self.recall("helper");
                self.detach(&helper)
            }
            "reattachRootVolume" => self.reattach(&id),
            "restoreDeleteOnTermination" => self.restore_termination(&id),
            "restoreInstanceState" => self.restore_state(&id),
            "deleteStack" | "deleteStackAfterFailure" => self.delete_stack(&stack),
            _ => Ok(Vec::new()), // a branch or a sleep
        }
    }

    fn instance(&self, id: &str, operation: &str) -> Result<Instance, Refusal> {
        let found = self.state.instances.get(id).filter(|it| it.ec2_state != "terminated");
        found.cloned().ok_or_else(|| {
            let why = format!("The instance ID '{id}' does not exist");
            Refusal::ec2("InvalidInstanceID.NotFound", operation, &why)
        })
    }

    fn describe(&mut self, id: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:DescribeInstances", "*")?;
        let instance = self.instance(id, "DescribeInstances")?;
        self.remember("state", instance.ec2_state.clone());
        let platform = match instance.platform {
            Platform::Windows => "windows",
            Platform::Linux | Platform::MacOs => "linux",
        };
        Ok(vec![("Platform", platform.to_owned()), ("State", instance.ec2_state)])
    }

    fn describe_root(&mut self, id: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:DescribeVolumes", "*")?;
        let instance = self.instance(id, "DescribeVolumes")?;
        if !instance.hardware.has_ebs_root {
            return Ok(Vec::new()); // the next step looks at that
        }
        let root = machines::root_volume(self.state, &instance).cloned();
        let Some((volume, at)) = root.and_then(|it| Some((it.clone(), it.attachment?))) else {
            let why = format!("The instance {id} has no root volume.");
            return Err(Refusal::of("Verification", why));
        };
        self.remember("volume", volume.id.clone());
        self.remember("device", at.device);
        self.remember("delete", at.delete_on_termination.to_string());
        self.remember("encrypted", volume.encrypted.to_string());
        Ok(vec![("VolumeId", volume.id), ("Encrypted", volume.encrypted.to_string())])
    }

    fn assert_ebs(&mut self, id: &str) -> Result<Outputs, Refusal> {
        if self.instance(id, "DescribeInstances")?.hardware.has_ebs_root {
            return Ok(Vec::new());
        }
        let why = "The root device of the instance is instance-store, which is not supported.";
        Err(Refusal::of("Verification", why))
    }

    fn assert_encryption(&mut self) -> Result<Outputs, Refusal> {
        let is_allowed = self.parameter("AllowEncryptedVolume").eq_ignore_ascii_case("true");
        if self.recall("encrypted") == "true" && !is_allowed {
            let why = "The root volume is encrypted, and AllowEncryptedVolume is False.";
            return Err(Refusal::of("Verification", why));
        }
        Ok(Vec::new())
    }

    fn describe_subnet(&mut self, id: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:DescribeSubnets", "*")?;
        let zone = self.instance(id, "DescribeSubnets")?.zone;
        let subnet = self.parameter("SubnetId");
        let own = crate::sim::autoscaling::subnet_id(&zone);
        if subnet.starts_with("subnet-") && subnet != own {
            let why = format!("The subnet {subnet} is not in the zone of the instance, {zone}.");
            return Err(Refusal::of("Verification", why));
        }
        Ok(Vec::new())
    }

    fn create_stack(&mut self, stack: &str) -> Result<Outputs, Refusal> {
        self.needs("cloudformation:CreateStack", &format!("stack/{stack}"))?;
        self.needs("lambda:CreateFunction", &format!("function/{stack}"))?;
        // With a profile of one's own none is made.
        if self.parameter("HelperInstanceProfileName").is_empty() {
            self.needs("iam:CreateRole", &format!("role/{stack}"))?;
            self.needs("iam:TagRole", &format!("role/{stack}"))?;
        }
        Ok(vec![("StackId", stack.to_owned())])
    }

    /// What the runbook's Lambda function validates is not published; that it looks at the group and
    /// at Marketplace is inferred from its permissions. That a member has to be in Standby is
    /// UNVERIFIED (D17), so here it need not.
    fn validate(&mut self, id: &str, stack: &str) -> Result<Outputs, Refusal> {
        self.needs("lambda:InvokeFunction", &format!("function/{stack}"))?;
        self.needs("autoscaling:DescribeAutoScalingInstances", "*")?;
        if !self.instance(id, "DescribeInstances")?.hardware.product_codes.is_empty() {
            let why = "Instances of AWS Marketplace AMIs are not supported.";
            return Err(Refusal::of("Verification", why));
        }
        Ok(Vec::new())
    }

    fn launch_helper(&mut self, id: &str, stack: &str) -> Result<Outputs, Refusal> {
        self.needs("cloudformation:UpdateStack", &format!("stack/{stack}"))?;
        self.needs("cloudformation:DescribeStackResource", &format!("stack/{stack}"))?;
        self.needs("ec2:CreateLaunchTemplate", "launch-template/*")?;
        self.needs("ec2:RunInstances", "instance/*")?;
        let network = &self.sim.network;
        if network.ebs_encryption {
            self.needs("kms:CreateGrant", "*")?;
        }
        let source = self.instance(id, "RunInstances")?;
        let wanted = self.parameter("EC2RescueInstanceType");
        if network.not_offered.get(&source.zone).is_some_and(|it| it.contains(&wanted)) {
            let why = format!(
                "Your requested instance type ({wanted}) is not supported in your requested \
                 Availability Zone ({}).",
                source.zone
            );
            return Err(Refusal::ec2("Unsupported", "RunInstances", &why));
        }
        if network.free_addresses == 0 {
            let why = "There are not enough free addresses in the subnet.";
            return Err(Refusal::ec2("InsufficientFreeAddressesInSubnet", "RunInstances", why));
        }
        let execution = self.execution().id.clone();
        let group = self.parameter("HelperInstanceSecurityGroupId");
        if self.parameter("SubnetId") == "CreateNewVPC" && !group.is_empty() {
            // The VPC is the stack's own, so whatever group there was before is in another.
            let subnet = ids::instance_id(self.sim.seed, &execution, 1);
            let subnet = subnet.replacen("i-", "subnet-", 1);
            let why =
                format!("Security group {group} and subnet {subnet} belong to different networks.");
            return Err(Refusal::ec2("InvalidParameter", "RunInstances", &why));
        }
        let helper = ids::instance_id(self.sim.seed, &execution, 0);
        let mut instance = Instance {
            id: helper.clone(),
            zone: source.zone,
            platform: source.platform,
            computer_name: "EC2AMAZ-HELPER".to_owned(),
            ip_address: "10.255.255.4".to_owned(),
            agent_version: source.agent_version,
            ec2_state: "running".to_owned(),
            launched: Some(self.at),
            ping: Ping::None,
            ..Instance::default()
        };
        instance.hardware.instance_type = wanted;
        instance.hardware.root_encrypted = network.ebs_encryption;
        instance.tags.insert("Name".to_owned(), format!("AWSSupport-EC2Rescue: {execution}"));
        instance.tags.insert("aws:cloudformation:stack-name".to_owned(), stack.to_owned());
        machines::furnish(self.state, &instance);
        self.state.instances.insert(helper.clone(), instance);
        self.remember("helper", helper.clone());
        Ok(vec![("InstanceId", helper)])
    }

    /// The helper's agent has to reach Systems Manager.
    fn wait_for_helper(&mut self) -> Result<Outputs, Refusal> {
        self.needs("ssm:DescribeInstanceInformation", "*")?;
        let has_public = !self.parameter("AssociatePublicIpAddress").eq_ignore_ascii_case("false");
        let has_group = !self.parameter("HelperInstanceSecurityGroupId").is_empty();
        let network = &self.sim.network;
        let has_endpoints =
            ["ssm", "ssmmessages", "ec2messages"].iter().all(|it| network.endpoints.contains(*it));
        let has_way = match network.internet {
            Internet::Gateway => has_public || has_endpoints,
            Internet::Nat => true,
            Internet::None => has_endpoints,
        };
        if !has_way || !(network.default_egress || has_group) {
            let why = "The helper instance has not become a managed instance in time.";
            let refusal = Refusal::of("Verification", why);
            return Err(Refusal { status: super::Status::TimedOut, ..refusal });
        }
        let helper = self.recall("helper");
        if let Some(it) = self.state.instances.get_mut(&helper) {
            it.ping = Ping::Online;
        }
        Ok(vec![("InstanceId", helper)])
    }

    fn helper_is_there(&mut self) -> Result<String, Refusal> {
        let helper = self.recall("helper");
        self.instance(&helper, "DescribeInstances").map(|it| it.id)
    }

    fn stop(&mut self, id: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:StopInstances", &format!("instance/{id}"))?;
        let instance = self.instance(id, "StopInstances")?;
        if instance.hardware.stop_protected {
            let why = format!(
                "The instance '{id}' may not be stopped. Modify its 'disableApiStop' instance \
                 attribute and try again."
            );
            return Err(Refusal::ec2("OperationNotPermitted", "StopInstances", &why));
        }
        if instance.ec2_state == "shutting-down" {
            let why =
                format!("The instance '{id}' is not in a state from which it can be stopped.");
            return Err(Refusal::ec2("IncorrectInstanceState", "StopInstances", &why));
        }
        machines::stopped(self.state, id, self.at);
        Ok(vec![("InstanceStates", "stopped".to_owned())])
    }

    fn back_up(&mut self, id: &str, step: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:CreateImage", &format!("instance/{id}"))?;
        let instance = self.instance(id, "CreateImage")?;
        let execution = self.execution().id.clone();
        let image = ids::instance_id(self.sim.seed, &execution, step.len());
        let image = image.replacen("i-", "ami-", 1);
        let prefix = self.parameter("AMIPrefix");
        let suffix = if step == "postScriptBackup" { "-post" } else { "" };
        self.state.backups.push(Backup {
            image: image.clone(),
            name: format!("{prefix}-{id}{suffix}"),
            instance: instance.id.clone(),
            volume: machines::root_volume(self.state, &instance).map(|it| it.id.clone()),
            platform: instance.platform,
            product_codes: instance.hardware.product_codes,
            at: self.at,
        });
        Ok(vec![("ImageId", image)])
    }

    /// Takes the root volume from whoever has it.
    fn detach(&mut self, from: &str) -> Result<Outputs, Refusal> {
        let volume = self.recall("volume");
        self.needs("ec2:DetachVolume", &format!("volume/{volume}"))?;
        self.needs("ec2:DetachVolume", &format!("instance/{from}"))?;
        let holder = self.state.volumes.get(&volume).and_then(|it| it.attachment.as_ref());
        if holder.is_none_or(|it| it.instance != from) {
            let why = format!("Volume '{volume}' is in the 'available' state.");
            return Err(Refusal::ec2("IncorrectState", "DetachVolume", &why));
        }
        machines::detach(self.state, &volume);
        Ok(Vec::new())
    }

    fn attach(&mut self, to: &str, device: &str, delete: bool) -> Result<Outputs, Refusal> {
        let volume = self.recall("volume");
        self.needs("ec2:AttachVolume", &format!("volume/{volume}"))?;
        self.needs("ec2:AttachVolume", &format!("instance/{to}"))?;
        if self.recall("encrypted") == "true" {
            self.needs("kms:CreateGrant", "*")?;
        }
        let instance = self.instance(to, "AttachVolume")?;
        let found = self.state.volumes.get(&volume);
        if !["running", "stopped"].contains(&instance.ec2_state.as_str())
            || found.is_none_or(|it| it.attachment.is_some())
            || machines::attached(self.state, to).contains_key(device)
        {
            let why = format!("'{volume}' cannot be attached to '{to}' as {device}.");
            return Err(Refusal::ec2("IncorrectState", "AttachVolume", &why));
        }
        let attachment = Attachment {
            instance: to.to_owned(),
            device: device.to_owned(),
            delete_on_termination: delete,
            at: Some(self.at),
        };
        machines::attach(self.state, &volume, attachment);
        Ok(Vec::new())
    }

    fn attach_to_helper(&mut self) -> Result<Outputs, Refusal> {
        let helper = self.helper_is_there()?;
        self.attach(&helper, DEVICE, false)
    }

    fn reattach(&mut self, id: &str) -> Result<Outputs, Refusal> {
        let device = self.recall("device");
        // "DeleteOnTermination" is another step's.
        self.attach(id, &device, false)
    }

    /// The runbook decodes ASCII. What is UTF-16 has a zero after each letter, so that PowerShell
    /// knows no such command; that is no failure of the step, and nothing is mended.
    fn run_script(&mut self, step: &str) -> Result<Outputs, Refusal> {
        let document = if step == "runScriptForWindows" {
            "AWS-RunPowerShellScript"
        } else {
            "AWS-RunShellScript"
        };
        self.needs("ssm:SendCommand", &format!("document/{document}"))?;
        self.helper_is_there()?;
        let text = self.parameter("OfflineScript");
        let Some(script) = base64::decoded(&text) else {
            let why = "Invalid length for a Base-64 char array or string.";
            return Err(Refusal::of("Action", why));
        };
        let script = script.strip_prefix(&[0xff, 0xfe]).map_or(script.clone(), <[u8]>::to_vec);
        if script.contains(&0) {
            let first = script.first().map_or('?', |it| char::from(*it));
            let said = format!(
                "\n----------ERROR-------\n{first} : The term '{first}' is not recognized as the \
                 name of a cmdlet, function, script file, or operable program."
            );
            return Ok(vec![("Output", cut(&said))]);
        }
        let volume = self.recall("volume");
        if let Some(it) = self.state.volumes.get_mut(&volume) {
            it.is_mended = true;
        }
        Ok(vec![("Output", String::new())])
    }

    fn restore_termination(&mut self, id: &str) -> Result<Outputs, Refusal> {
        self.needs("ec2:ModifyInstanceAttribute", &format!("instance/{id}"))?;
        let (volume, delete) = (self.recall("volume"), self.recall("delete") == "true");
        let attachment = self.state.volumes.get_mut(&volume).and_then(|it| it.attachment.as_mut());
        if let Some(it) = attachment {
            it.delete_on_termination = delete;
        }
        Ok(Vec::new())
    }

    fn restore_state(&mut self, id: &str) -> Result<Outputs, Refusal> {
        if self.recall("state") != "running" {
            return Ok(vec![("InstanceStates", "stopped".to_owned())]);
        }
        self.needs("ec2:StartInstances", &format!("instance/{id}"))?;
        if self.instance(id, "StartInstances")?.ec2_state != "stopped" {
            let why =
                format!("The instance '{id}' is not in a state from which it can be started.");
            return Err(Refusal::ec2("IncorrectInstanceState", "StartInstances", &why));
        }
        machines::started(self.state, id, self.at);
        Ok(vec![("InstanceStates", "running".to_owned())])
    }

    fn delete_stack(&mut self, stack: &str) -> Result<Outputs, Refusal> {
        self.needs("cloudformation:DeleteStack", &format!("stack/{stack}"))?;
        self.needs("lambda:DeleteFunction", &format!("function/{stack}"))?;
        let helper = self.recall("helper");
        if !helper.is_empty() {
            self.needs("ec2:DeleteLaunchTemplate", "launch-template/*")?;
            if let Some(it) = self.state.instances.get_mut(&helper) {
                "terminated".clone_into(&mut it.ec2_state);
            }
            machines::scrap(self.state, &helper);
        }
        Ok(Vec::new())
    }
}

fn cut(text: &str) -> String {
    text.chars().take(OUTPUT).collect()
}
