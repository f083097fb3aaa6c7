use super::Table;

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(&["NODE", "STATE"]);
    table.row(["a", "prêt"]);
    table.row(["much-longer", ""]);
    assert_eq!(
        table.to_string(),
        "NODE         STATE\na            prêt\nmuch-longer\n"
    );
}
