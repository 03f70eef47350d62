//! What streets are called. No name is given twice in one city.

use crate::demo::chance::Chance;

const MAIN: &[&str] = &[
    "High Street",
    "Station Road",
    "Bridge Street",
    "Harbour Road",
    "Market Street",
    "Kingsway",
    "Northgate",
    "Southgate",
    "Eastgate",
    "Westgate",
    "Cathedral Road",
    "University Avenue",
    "Foundry Road",
    "Abbey Road",
    "Castle Street",
    "Victoria Road",
    "Queensway",
    "Parkway",
    "Old Ring Road",
    "Canal Street",
    "Lakeside Drive",
];
const BASES: &[&str] = &[
    "Acorn",
    "Alder",
    "Almond",
    "Anchor",
    "Ash",
    "Aspen",
    "Baker",
    "Barley",
    "Bay",
    "Beacon",
    "Beech",
    "Bell",
    "Birch",
    "Bishop",
    "Blackbird",
    "Bluebell",
    "Bramble",
    "Brewer",
    "Briar",
    "Brook",
    "Candle",
    "Carpenter",
    "Cedar",
    "Chapel",
    "Cherry",
    "Chestnut",
    "Church",
    "Clay",
    "Clover",
    "Cooper",
    "Copper",
    "Coral",
    "Cornflower",
    "Cypress",
    "Dairy",
    "Elder",
    "Elm",
    "Falcon",
    "Farrier",
    "Fern",
    "Ferry",
    "Field",
    "Finch",
    "Fir",
    "Fisher",
    "Forge",
    "Fox",
    "Garden",
    "Glass",
    "Granary",
    "Grove",
    "Gull",
    "Harvest",
    "Hawthorn",
    "Hazel",
    "Heather",
    "Heron",
    "Hill",
    "Holly",
    "Honey",
    "Hop",
    "Iris",
    "Ivy",
    "Jasmine",
    "Juniper",
    "Kestrel",
    "Kiln",
    "Lantern",
    "Larch",
    "Lark",
    "Laurel",
    "Lavender",
    "Lilac",
    "Lily",
    "Lime",
    "Linden",
    "Linen",
    "Lock",
    "Magnolia",
    "Maple",
    "Mason",
    "Meadow",
    "Mill",
    "Miller",
    "Mint",
    "Mulberry",
    "Myrtle",
    "Nettle",
    "Nightingale",
    "Oak",
    "Olive",
    "Orchard",
    "Osprey",
    "Otter",
    "Pear",
    "Pine",
    "Plum",
    "Poplar",
    "Poppy",
    "Potter",
    "Primrose",
    "Quarry",
    "Quince",
    "Raven",
    "Reed",
    "Ridge",
    "Robin",
    "Rope",
    "Rose",
    "Rowan",
    "Rye",
    "Saddler",
    "Saffron",
    "Sage",
    "School",
    "Shepherd",
    "Silver",
    "Spring",
    "Spruce",
    "Stone",
    "Swan",
    "Sycamore",
    "Tanner",
    "Thatcher",
    "Thistle",
    "Thyme",
    "Tower",
    "Vine",
    "Violet",
    "Walnut",
    "Water",
    "Weaver",
    "Well",
    "Wheat",
    "Willow",
    "Windmill",
    "Wren",
    "Yew",
];
const KINDS: &[&str] =
    &["Street", "Street", "Lane", "Road", "Row", "Way", "Close", "Gardens", "Terrace", "Court", "Hill"];

pub struct Names {
    main: Vec<String>,
    minor: Vec<String>,
}

impl Names {
    pub fn new(chance: &mut Chance) -> Self {
        let mut main: Vec<String> = MAIN.iter().rev().map(|name| (*name).to_owned()).collect();
        // The best known stay; which street gets which is chance.
        chance.shuffle(&mut main);
        let mut minor = Vec::new();
        for round in 0..KINDS.len() {
            let mut bases = BASES.to_vec();
            chance.shuffle(&mut bases);
            for base in bases {
                let kind = KINDS[(base.len() + base.bytes().map(usize::from).sum::<usize>() + round) % KINDS.len()];
                // "Hill Hill" and its like are nobody's address.
                let name = format!("{base} {kind}");
                if base != kind && !minor.contains(&name) && round < 4 {
                    minor.push(name);
                }
            }
        }
        minor.reverse();
        Self { main, minor }
    }

    pub fn main(&mut self) -> String {
        self.main.pop().unwrap_or_else(|| self.minor())
    }

    pub fn minor(&mut self) -> String {
        self.minor.pop().unwrap_or_else(|| "Unnamed Road".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_given_twice() {
        let mut names = Names::new(&mut Chance::new(1));
        let mut given: Vec<String> = (0..450).map(|_| names.minor()).collect();
        given.extend((0..20).map(|_| names.main()));
        assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len());
        assert!(given.iter().all(|name| name.contains(' ') || name.ends_with("gate") || name.ends_with("way")));
    }
}
