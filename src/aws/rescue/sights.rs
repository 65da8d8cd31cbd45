//! How instances and their root volumes are now, and what brings them back to how they were. What is
//! asked for twice changes nothing more than once, and each step is looked at again before the next.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ssm::types::InstanceInformationStringFilter;

use super::{
    instances::{root, statuses},
    unread,
};
use crate::{
    aws::{
        clients::Aws,
        error::{AwsError, ErrorKind},
        signed::Element,
    },
    plan::InstanceId,
    rescue::{HELPER, Mend, Seen, Sight, VolumeNow},
};

/// Values of a filter of DescribeInstanceInformation.
const NODES: usize = 50;

impl Aws {
    /// Reads how instances are; those that EC2 does not know are not among them.
    pub async fn sights(&self, ids: &BTreeSet<InstanceId>) -> Seen<BTreeMap<InstanceId, Sight>> {
        let ids: Vec<&str> = ids.iter().map(InstanceId::as_str).collect();
        let found =
            self.ask_ec2_for_each("DescribeInstances", "instance-id", &ids, "reservationSet").await;
        let found = found.map_err(|err| unread(&err))?;
        let mut res = BTreeMap::new();
        for it in found.iter().flat_map(|it| it.set("instancesSet")) {
            if let Ok(id) = InstanceId::parse(it.at(&["instanceId"])) {
                res.insert(id, sight(it));
            }
        }
        let there: Vec<&str> = res.keys().map(InstanceId::as_str).collect();
        let mut statuses = statuses(self, &there).await?;
        let online = self.online(&there).await.map_err(|err| unread(&err))?;
        for (id, it) in &mut res {
            it.status = statuses.remove(id.as_str());
            it.is_online = online.contains(id.as_str());
        }
        Ok(res)
    }

    /// Returns those of the instances whose agents answer.
    pub(in crate::aws) async fn online(&self, ids: &[&str]) -> Result<BTreeSet<String>, AwsError> {
        let mut res = BTreeSet::new();
        for ids in ids.chunks(NODES) {
            let filter = InstanceInformationStringFilter::builder()
                .key("InstanceIds")
                .set_values(Some(ids.iter().map(|it| (*it).to_owned()).collect()))
                .build()
                .expect("both members are set");
            let request = self.ssm.describe_instance_information().filters(filter);
            let page = |token| request.clone().set_next_token(token).send();
            let take = |page: aws_sdk_ssm::operation::describe_instance_information::DescribeInstanceInformationOutput| {
                let all = page.instance_information_list.unwrap_or_default();
                let online = all.into_iter().filter(|it| {
                    it.ping_status.as_ref().is_some_and(|it| it.as_str() == "Online")
                });
                res.extend(online.filter_map(|it| it.instance_id));
                page.next_token
            };
            self.pages("DescribeInstanceInformation", page, take).await?;
        }
        Ok(res)
    }

    /// Reads how volumes are, and whether a helper holds them; those that are gone are not among
    /// them.
    pub async fn volumes_now(&self, ids: &[&str]) -> Seen<BTreeMap<String, VolumeNow>> {
        let found = self.ask_ec2_for_each("DescribeVolumes", "volume-id", ids, "volumeSet").await;
        let mut res: BTreeMap<String, VolumeNow> =
            found.map_err(|err| unread(&err))?.iter().map(volume).collect();
        let holders = res.values().filter_map(|it| Some(it.attached.as_ref()?.0.clone()));
        let holders: BTreeSet<String> = holders.collect();
        let holders: Vec<&str> = holders.iter().map(String::as_str).collect();
        let found = self
            .ask_ec2_for_each("DescribeInstances", "instance-id", &holders, "reservationSet")
            .await
            .map_err(|err| unread(&err))?;
        let helpers: BTreeMap<String, String> =
            found.iter().flat_map(|it| it.set("instancesSet")).filter_map(helper).collect();
        for it in res.values_mut() {
            let holder = it.attached.as_ref().map(|(holder, _)| holder);
            it.helper = holder.and_then(|holder| helpers.get(holder).cloned());
        }
        Ok(res)
    }

    /// Takes one step towards how the instance was.
    pub async fn mend(&self, id: &InstanceId, mend: &Mend) -> Result<(), AwsError> {
        self.step(id, mend, &[]).await
    }

    /// Asks whether the caller may take a step, and takes none: a refusal for the want of a permission
    /// comes before any other. That this holds for each of them is UNVERIFIED.
    pub async fn may_mend(&self, id: &InstanceId, mend: &Mend) -> Result<(), AwsError> {
        match self.step(id, mend, &[("DryRun", "true")]).await {
            Err(err) if err.kind == ErrorKind::Denied => Err(err),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    async fn step(
        &self,
        id: &InstanceId,
        mend: &Mend,
        more: &[(&str, &str)],
    ) -> Result<(), AwsError> {
        let query = |pairs: &[(&str, &str)]| {
            let owned = |(name, it): &(&str, &str)| ((*name).to_owned(), (*it).to_owned());
            pairs.iter().chain(more).map(owned).collect::<Vec<_>>()
        };
        let id = id.as_str();
        match mend {
            Mend::Stop { helper } => {
                let query = query(&[("InstanceId.1", helper)]);
                self.ask_ec2_for_one("StopInstances", &query).await
            }
            Mend::Detach { volume, helper } => {
                let query = query(&[("VolumeId", volume), ("InstanceId", helper)]);
                self.ask_ec2_for_one("DetachVolume", &query).await
            }
            Mend::Attach { volume, device } => {
                let query = query(&[("VolumeId", volume), ("InstanceId", id), ("Device", device)]);
                self.ask_ec2_for_one("AttachVolume", &query).await
            }
            Mend::DeleteOnTermination { device, delete } => {
                let delete = delete.to_string();
                let query = query(&[
                    ("InstanceId", id),
                    ("BlockDeviceMapping.1.DeviceName", device),
                    ("BlockDeviceMapping.1.Ebs.DeleteOnTermination", &delete),
                ]);
                self.ask_ec2_for_one("ModifyInstanceAttribute", &query).await
            }
            Mend::Start => {
                let query = query(&[("InstanceId.1", id)]);
                self.ask_ec2_for_one("StartInstances", &query).await
            }
        }
        .map(drop)
    }
}

fn sight(it: &Element) -> Sight {
    let root = root(it).map(|it| {
        let delete = it.at(&["ebs", "deleteOnTermination"]) == "true";
        (it.at(&["ebs", "volumeId"]).to_owned(), delete)
    });
    let state = it.at(&["instanceState", "name"]).to_owned();
    Sight { state, root, status: None, is_online: false }
}

fn volume(it: &Element) -> (String, VolumeNow) {
    let attachment = it.set("attachmentSet").next();
    let attached =
        attachment.map(|it| (it.at(&["instanceId"]).to_owned(), it.at(&["status"]).to_owned()));
    let state = it.at(&["status"]).to_owned();
    (it.at(&["volumeId"]).to_owned(), VolumeNow { state, attached, helper: None })
}

/// Returns the id and the state of an instance that is a helper.
fn helper(it: &Element) -> Option<(String, String)> {
    let is_name = |it: &&Element| it.at(&["key"]) == "Name";
    let name = it.set("tagSet").find(is_name)?.at(&["value"]).to_owned();
    let state = it.at(&["instanceState", "name"]).to_owned();
    name.starts_with(HELPER).then(|| (it.at(&["instanceId"]).to_owned(), state))
}
