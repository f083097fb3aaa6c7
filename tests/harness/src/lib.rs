//! Starts real FRR daemons in namespaces of their own, for tests.
