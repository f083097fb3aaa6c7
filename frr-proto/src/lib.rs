//! x
mod wire {
    tonic::include_proto!("frr");
}
