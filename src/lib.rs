//! fleet runs AWS Systems Manager documents over EC2 Auto Scaling groups.

pub mod output;
pub mod plan;
pub mod run;
pub mod sim;
