//! The definitions hold what the API server needs of them.
