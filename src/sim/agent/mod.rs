//! What runs on a simulated instance.
