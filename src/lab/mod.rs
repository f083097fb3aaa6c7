//! Runs containerlab topologies on this machine, on real FRR and a real kernel.
