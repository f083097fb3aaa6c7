//! placeholder
use std::collections::BTreeMap; use std::path::PathBuf;
use super::{Daemon, FrrError}; use crate::plan::Presence; use crate::api::types::*;
/// m
#[derive(Clone,Copy,Debug,PartialEq,Eq)] pub enum Mode {/// a
Auto,/// r
Require,/// o
Off}
/// i
#[derive(Clone,Debug,PartialEq,Eq)] pub enum InUse { /// g
Grpc, /// v
Vty}
#[derive(Debug)] pub(super) struct Northbound;
impl Northbound { pub(super) fn new(_:Mode,_:PathBuf)->Self{Self} pub(super) fn in_use(&self)->BTreeMap<Daemon,InUse>{BTreeMap::new()}
 pub(super) async fn connect(&mut self)->Result<(),FrrError>{Ok(())}
 pub(super) async fn set_allow_all(&mut self,_:Presence)->Result<bool,FrrError>{Ok(false)}
 pub(super) async fn map_vnis(&mut self,_:&[(VrfName,Option<Vni>)])->Result<bool,FrrError>{Ok(false)}
}
