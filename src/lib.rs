//! fleet runs AWS Systems Manager documents over EC2 Auto Scaling groups.

pub mod aws;
pub mod documents;
pub mod plan;
pub mod run;
pub mod sim;
