//! FRR's gRPC northbound: the client, its safe wrapper and typed YANG paths.
