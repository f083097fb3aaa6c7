//! vtysh output as typed values. No I/O.
