//! A BGP speaker that holds one session and tells as many Type-5 routes as it is asked to.
//!
//! It stands for the fabric: a spine that hands on what routers behind it announce. It hears what
//! it is sent and forgets it; what it tells, it tells when somebody asks on its socket.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Route;
use crate::Failure;

/// Where it can be asked.
const SOCKET: &str = "/run/speaker";

/// Its AS number, and that of the routers behind it.
const ASN: u16 = 64512;
const BEHIND: u32 = 64520;

/// Its own address, which is its identifier too.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 1);

/// How many VTEPs there are behind it.
const VTEPS: usize = 4;

/// What keeps the session; the node's hold time is 9 s.
const KEEPALIVE: Duration = Duration::from_secs(2);

/// As many prefixes as one message takes: 4096 bytes (RFC 4271 §4.1), 36 of them a prefix.
const PER_MESSAGE: usize = 100;

/// The session's sending side, once there is one.
type Session = Arc<Mutex<Option<TcpStream>>>;

/// Serves until it is killed.
pub(super) fn serve() -> Result<(), Failure> {
    let _ = std::fs::remove_file(SOCKET);
    let asked = UnixListener::bind(SOCKET)?;
    let listener = TcpListener::bind((ADDRESS, 179))?;
    let session = Session::default();
    let of_bgp = session.clone();
    thread::spawn(move || {
        for caller in listener.incoming().flatten() {
            let outcome = hold(caller, &of_bgp);
            eprintln!("the session ended: {outcome:?}");
            *lock(&of_bgp) = None;
        }
    });
    for caller in asked.incoming() {
        let mut caller = caller?;
        let mut line = String::new();
        BufReader::new(&caller).read_line(&mut line)?;
        let answer = match obey(&line, &session) {
            Ok(()) => now()?.to_string(),
            Err(error) => format!("error: {error}"),
        };
        writeln!(caller, "{answer}")?;
    }
    Ok(())
}

/// Asks the speaker of this node; when it had done it, in nanoseconds since 1970.
pub(super) fn ask(words: &[String]) -> Result<(), Failure> {
    let mut stream = UnixStream::connect(Path::new(SOCKET))?;
    writeln!(stream, "{}", words.join(" "))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("error") {
        return Err(answer.into());
    }
    print!("{answer}");
    Ok(())
}

fn now() -> Result<u128, Failure> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())
}

fn lock(session: &Session) -> std::sync::MutexGuard<'_, Option<TcpStream>> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Holds a session until the other side ends it.
fn hold(mut stream: TcpStream, session: &Session) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    stream.write_all(&message(1, &open()))?;
    stream.write_all(&message(4, &[]))?;
    // The other side's OPEN and its KEEPALIVE: from then on it takes routes.
    while read(&mut stream)? != 4 {}
    let mut sender = stream.try_clone()?;
    for vtep in 0..VTEPS {
        sender.write_all(&way_to(vtep))?;
    }
    *lock(session) = Some(sender);
    let of_keeper = session.clone();
    thread::spawn(move || while keep_alive(&of_keeper) {});
    loop {
        read(&mut stream)?;
    }
}

/// Sends one KEEPALIVE, and waits for the next one's time; whether there is a session.
fn keep_alive(session: &Session) -> bool {
    let sent = match lock(session).as_mut() {
        Some(sender) => sender.write_all(&message(4, &[])).is_ok(),
        None => false,
    };
    thread::sleep(KEEPALIVE);
    sent
}

/// Reads one message; its type.
fn read(stream: &mut TcpStream) -> Result<u8, Failure> {
    let mut header = [0; 19];
    stream.read_exact(&mut header)?;
    let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
    let mut body = vec![0; length.saturating_sub(header.len())];
    stream.read_exact(&mut body)?;
    match header[18] {
        3 => Err(format!("NOTIFICATION {body:?}").into()),
        kind => Ok(kind),
    }
}

/// `announce FIRST VNIS ROUTES`: for each of so many VNIs so many routes. `withdraw VNI ROUTE`
/// and `again VNI ROUTE`: one route. `drop`: the session ends without a word.
fn obey(line: &str, session: &Session) -> Result<(), Failure> {
    let mut words = line.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let numbers: Vec<usize> = words.map(str::parse).collect::<Result<_, _>>()?;
    let mut sending = lock(session);
    let stream = sending.as_mut().ok_or("no session is up")?;
    match (verb, numbers.as_slice()) {
        ("announce", [first, vnis, routes]) => {
            for vni in *first..first + vnis {
                let all: Vec<Route> = (0..*routes).map(|number| Route { vni, number }).collect();
                for some in all.chunks(PER_MESSAGE) {
                    stream.write_all(&announcement(some))?;
                }
            }
        }
        ("again", [vni, number]) => {
            let (vni, number) = (*vni, *number);
            stream.write_all(&announcement(&[Route { vni, number }]))?;
        }
        ("withdraw", [vni, number]) => {
            let (vni, number) = (*vni, *number);
            stream.write_all(&withdrawal(Route { vni, number }))?;
        }
        ("drop", []) => stream.shutdown(Shutdown::Both)?,
        _ => return Err(format!("not understood: {line}").into()),
    }
    Ok(())
}

/// A message with its header (RFC 4271 §4.1).
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![0xff; 16];
    bytes.extend(length.to_be_bytes());
    bytes.push(kind);
    bytes.extend(body);
    bytes
}

/// OPEN, with IPv4 unicast, L2VPN EVPN (RFC 7432) and AS numbers of four bytes.
fn open() -> Vec<u8> {
    let asn = u32::from(ASN).to_be_bytes();
    let capabilities = [
        &[1, 4, 0, 1, 0, 1][..],
        &[1, 4, 0, 25, 0, 70],
        &[65, 4],
        &asn,
    ]
    .concat();
    let mut body = vec![4];
    body.extend(ASN.to_be_bytes());
    body.extend(90_u16.to_be_bytes());
    body.extend(ADDRESS.octets());
    let length = capabilities.len() as u8;
    body.extend([length + 2, 2, length]);
    body.extend(capabilities);
    body
}

/// UPDATE with these path attributes and prefixes.
fn update(attributes: &[Vec<u8>], prefixes: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let mut body = vec![0, 0];
    body.extend((attributes.len() as u16).to_be_bytes());
    body.extend(attributes);
    body.extend(prefixes);
    message(2, &body)
}

/// A path attribute with a length of two bytes.
fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flags | 0x10, kind];
    bytes.extend((value.len() as u16).to_be_bytes());
    bytes.extend(value);
    bytes
}

fn origin() -> Vec<u8> {
    attribute(0x40, 1, &[0])
}

fn as_path(path: &[u32]) -> Vec<u8> {
    let mut value = vec![2, path.len() as u8];
    value.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    attribute(0x40, 2, &value)
}

fn vtep(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(100, 66, 0, number as u8 + 1)
}

/// The route to a VTEP.
fn way_to(number: usize) -> Vec<u8> {
    let next_hop = attribute(0x40, 3, &ADDRESS.octets());
    let mut prefix = vec![32];
    prefix.extend(vtep(number).octets());
    let attributes = [origin(), as_path(&[ASN.into(), BEHIND]), next_hop];
    update(&attributes, &prefix)
}

/// Type-5 routes of one VNI.
fn announcement(routes: &[Route]) -> Vec<u8> {
    let Some(Route { vni, number: _ }) = routes.first() else {
        return Vec::new();
    };
    let at = vni % VTEPS;
    let target = [&[0, 2][..], &ASN.to_be_bytes(), &label(*vni, 4)].concat();
    let encapsulation = vec![3, 12, 0, 0, 0, 0, 0, 8];
    let router_mac = vec![6, 3, 2, 0, 0, 0, 0, at as u8 + 1];
    let communities = [target, encapsulation, router_mac].concat();
    let mut reach = vec![0, 25, 70, 4];
    reach.extend(vtep(at).octets());
    reach.push(0);
    reach.extend(routes.iter().flat_map(prefix));
    update(
        &[
            origin(),
            as_path(&[ASN.into(), BEHIND]),
            attribute(0xc0, 16, &communities),
            attribute(0x80, 14, &reach),
        ],
        &[],
    )
}

fn withdrawal(route: Route) -> Vec<u8> {
    let unreach = [vec![0, 25, 70], prefix(&route)].concat();
    update(&[attribute(0x80, 15, &unreach)], &[])
}

/// A VNI in its last `length` bytes.
fn label(vni: usize, length: usize) -> Vec<u8> {
    let bytes = (super::vni(vni) as u32).to_be_bytes();
    bytes
        .get(bytes.len() - length..)
        .unwrap_or_default()
        .to_vec()
}

/// A route of type 5 (RFC 9136 §3.1).
fn prefix(route: &Route) -> Vec<u8> {
    let Route { vni, number } = *route;
    let mut bytes = vec![5, 34, 0, 1];
    bytes.extend([10, 1, 0, (vni % VTEPS) as u8 + 1]);
    bytes.extend((vni as u16 + 1).to_be_bytes());
    bytes.extend([0; 10]);
    bytes.extend([0; 4]);
    bytes.push(24);
    bytes.extend([20, (number >> 8) as u8, number as u8, 0]);
    bytes.extend([0; 4]);
    bytes.extend(label(vni, 3));
    bytes
}
