//! Listening at an address, or at all that there are.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use nix::errno::Errno;
use tokio::net::TcpListener;

/// Listens there; at all addresses of IPv4 where all of both families were asked for and the kernel
/// runs without IPv6.
///
/// # Errors
/// The kernel's.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    match bound {
        Ok(listener) => Ok(listener),
        Err(error) => match without_ipv6(address, &error) {
            Some(rest) => TcpListener::bind(rest).await,
            None => Err(error),
        },
    }
}

/// What is left of all addresses when that of IPv6 is refused because there is no IPv6.
fn without_ipv6(address: SocketAddr, error: &io::Error) -> Option<SocketAddr> {
    let refused = error.raw_os_error().map(Errno::from_raw);
    let is_of_family = matches!(refused, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL));
    let is_all = address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED);
    let rest = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
    (is_all && is_of_family).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest(address: &str, refused: Errno) -> Option<String> {
        let error = io::Error::from(refused);
        let rest = without_ipv6(address.parse().unwrap(), &error);
        rest.map(|rest| rest.to_string())
    }

    #[test]
    fn all_addresses_are_those_of_ipv4_on_a_kernel_without_ipv6() {
        for refused in [Errno::EAFNOSUPPORT, Errno::EADDRNOTAVAIL] {
            let all = rest("[::]:9082", refused);
            assert_eq!(all.as_deref(), Some("0.0.0.0:9082"));
            for one in ["[::1]:9082", "0.0.0.0:9082", "192.0.2.1:9082"] {
                assert_eq!(rest(one, refused), None, "{one}");
            }
        }
        assert_eq!(rest("[::]:9082", Errno::EADDRINUSE), None);
        assert_eq!(rest("[::]:80", Errno::EACCES), None);
    }

    #[tokio::test]
    async fn it_listens_where_it_is_told_and_says_why_it_does_not() {
        let listener = bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let taken = listener.local_addr().unwrap();
        let error = bind(taken).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
