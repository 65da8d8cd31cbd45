//! The operations that there are, and the parameters of each, as botocore's service model 2016-11-15
//! names them: those that are looked at here, and those that only EC2 has. What is not looked at is
//! refused.

use super::{ApiError, Form};
use crate::sim::absent;

pub(super) struct Operation {
    name: &'static str,
    pub authorization: Authorization,
    here: &'static [&'static str],
    absent: &'static [&'static str],
}

/// What the caller of an operation has to be allowed it on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Authorization {
    /// It knows no resources.
    Whole,
    /// Each thing that it names: it authorises itself, and looks at DryRun when everything else is
    /// looked at.
    Each,
}

/// Every operation has these.
const COMMON: [&str; 3] = ["Action", "DryRun", "Version"];

const OPERATIONS: [Operation; 23] = [
    on_each("AttachVolume", &["Device", "InstanceId", "VolumeId"], &["EbsCardIndex"]),
    // It can only be tried, so that most of it changes nothing; tags would take one more permission.
    on_each(
        "CreateImage",
        &[
            "BlockDeviceMapping",
            "Description",
            "InstanceId",
            "Name",
            "NoReboot",
            "SnapshotLocation",
        ],
        &["TagSpecification"],
    ),
    on_all(
        "DescribeImages",
        &[
            "Filter",
            "ImageId",
            "IncludeDeprecated",
            "IncludeDisabled",
            "MaxResults",
            "NextToken",
            "Owner",
        ],
        &["ExecutableBy"],
    ),
    on_each("DescribeInstanceAttribute", &["Attribute", "InstanceId"], &[]),
    on_all(
        "DescribeInstanceStatus",
        &["Filter", "IncludeAllInstances", "InstanceId", "MaxResults", "NextToken"],
        &["IncludeManagedResources"],
    ),
    on_all(
        "DescribeInstanceTypeOfferings",
        &["Filter", "LocationType", "MaxResults", "NextToken"],
        &[],
    ),
    on_all(
        "DescribeInstanceTypes",
        &["Filter", "InstanceType", "MaxResults", "NextToken"],
        &["IncludeUnsupportedInRegion"],
    ),
    on_all(
        "DescribeInstances",
        &["Filter", "InstanceId", "MaxResults", "NextToken"],
        &["IncludeManagedResources"],
    ),
    on_all("DescribeNetworkAcls", &["Filter", "MaxResults", "NetworkAclId", "NextToken"], &[]),
    on_all("DescribeRouteTables", &["Filter", "MaxResults", "NextToken", "RouteTableId"], &[]),
    on_all(
        "DescribeSecurityGroups",
        &["Filter", "GroupId", "MaxResults", "NextToken"],
        &["GroupName"],
    ),
    on_all(
        "DescribeSnapshots",
        &["Filter", "MaxResults", "NextToken", "Owner", "SnapshotId"],
        &["RestorableBy"],
    ),
    on_all("DescribeSubnets", &["Filter", "MaxResults", "NextToken", "SubnetId"], &[]),
    on_each("DescribeVolumeAttribute", &["Attribute", "VolumeId"], &[]),
    on_all(
        "DescribeVolumes",
        &["Filter", "MaxResults", "NextToken", "VolumeId"],
        &["IncludeManagedResources"],
    ),
    on_all("DescribeVpcEndpoints", &["Filter", "MaxResults", "NextToken"], &["VpcEndpointId"]),
    on_all("DescribeVpcs", &["Filter", "MaxResults", "NextToken", "VpcId"], &[]),
    // Whether it is forced makes no difference here: every detachment succeeds.
    on_each("DetachVolume", &["Device", "Force", "InstanceId", "VolumeId"], &[]),
    on_all("GetEbsDefaultKmsKeyId", &[], &[]),
    on_all("GetEbsEncryptionByDefault", &[], &[]),
    on_each(
        "ModifyInstanceAttribute",
        &["Attribute", "BlockDeviceMapping", "DisableApiStop", "InstanceId", "Value"],
        &[
            "DisableApiTermination",
            "EbsOptimized",
            "EnaSupport",
            "GroupId",
            "InstanceInitiatedShutdownBehavior",
            "InstanceType",
            "Kernel",
            "Ramdisk",
            "SourceDestCheck",
            "SriovNetSupport",
            "UserData",
        ],
    ),
    on_each("StartInstances", &["InstanceId"], &["AdditionalInfo"]),
    // Nobody's system takes longer to stop than it has time, so that there is nothing to force or skip.
    on_each("StopInstances", &["Force", "Hibernate", "InstanceId", "SkipOsShutdown"], &[]),
];

const fn on_all(
    name: &'static str,
    here: &'static [&'static str],
    absent: &'static [&'static str],
) -> Operation {
    Operation { name, authorization: Authorization::Whole, here, absent }
}

const fn on_each(
    name: &'static str,
    here: &'static [&'static str],
    absent: &'static [&'static str],
) -> Operation {
    Operation { name, authorization: Authorization::Each, here, absent }
}

/// Returns the operation of that name, if the simulator has it.
pub(super) fn find(name: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|it| it.name == name)
}

impl Operation {
    /// Refuses a parameter that it does not look at. It comes before the authorisation: which of them
    /// is first is UNVERIFIED.
    pub(super) fn check(&self, form: &Form) -> Result<(), ApiError> {
        absent::check_form(form, self.absent, "UnsupportedOperation")?;
        for whole in form.names().map(absent::whole) {
            if !self.here.contains(&whole) && !COMMON.contains(&whole) {
                // The code is documented (EC2 error codes); UNVERIFIED wording.
                let message = format!("The parameter {whole} is not recognized");
                return Err(ApiError::new("UnknownParameter", message));
            }
        }
        Ok(())
    }
}
