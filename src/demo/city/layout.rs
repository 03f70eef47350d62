//! Lays a city out: a grid that is bent, thinned toward the outskirts, stopped by water and crossed by an avenue.
//! What comes out are points, streets through them and the areas between; nothing here knows how to drive.

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use super::ground::{Lake, River, Xy, road_out, wood};
use super::names::Names;
use crate::demo::chance::Chance;

const COLUMNS: usize = 40;
const ROWS: usize = 34;
const SPACING_M: (f64, f64) = (125.0, 180.0);
const TURN_DEG: f64 = 11.0;
const REACH_M: Xy = Xy { x: 3050.0, y: 2550.0 };
/// Main roads go on out of town.
const ROADS_BEYOND: f64 = 1.2;
const EMBANKMENT_M: f64 = 24.0;
const SHORE_M: f64 = 26.0;
const STREET_MARGIN_M: f64 = 8.0;
const AVENUE_CELLS: usize = 9;
const WOODS: usize = 26;
const ROADS_OUT: usize = 7;
const RIVER_REACH_M: f64 = 14_000.0;
const GREAT_PARK: Xy = Xy { x: 450.0, y: -1150.0 };

pub struct Layout {
    pub nodes: Vec<Xy>,
    pub streets: Vec<Street>,
    pub areas: Vec<Area>,
    pub roads_out: Vec<Vec<Xy>>,
}

#[derive(Clone, Debug)]
pub struct Street {
    pub name: String,
    pub main: bool,
    /// The crossings it passes, in order.
    pub nodes: Vec<usize>,
}

#[derive(Clone, Debug)]
pub struct Area {
    pub class: &'static str,
    /// Closed: the last point is the first.
    pub ring: Vec<Xy>,
}

/// A rectangle of cells without a street inside.
#[derive(Clone, Copy, Debug)]
struct Plot {
    i: usize,
    j: usize,
    wide: usize,
    high: usize,
}

struct Plan {
    points: Vec<Option<Xy>>,
    main_columns: Vec<bool>,
    main_rows: Vec<bool>,
    plots: Vec<Plot>,
    plot_of: Vec<usize>,
    /// Lower left corners of the cells that the avenue cuts from the upper left to the lower right.
    avenue: Vec<(usize, usize)>,
    river: River,
    lake: Lake,
}

fn node(i: usize, j: usize) -> usize {
    j * (COLUMNS + 1) + i
}

fn cell(i: usize, j: usize) -> usize {
    j * COLUMNS + i
}

pub fn lay_out(seed: u64) -> Layout {
    let mut chance = Chance::of(seed, "ground");
    let (river, lake) = (River::new(&mut chance), Lake::new(&mut chance));
    let mut chance = Chance::of(seed, "grid");
    let main_columns = mains(&mut chance, COLUMNS);
    let main_rows = mains(&mut chance, ROWS);
    let points = points(&mut chance, &river, &lake, &main_columns, &main_rows);
    let avenue = avenue(&main_columns, &main_rows);
    let (plots, plot_of) = plots(&mut chance, &points, &main_columns, &main_rows, &avenue);
    let plan = Plan { points, main_columns, main_rows, plots, plot_of, avenue, river, lake };
    let runs = plan.runs();
    let areas = plan.areas(&mut Chance::of(seed, "areas"));
    let mut layout = connected(&plan, runs, areas, &mut Names::new(&mut Chance::of(seed, "names")));
    layout.roads_out = roads_out(&layout, &mut Chance::of(seed, "roads out"));
    layout
}

/// Every fourth to sixth line is a main street.
fn mains(chance: &mut Chance, lines: usize) -> Vec<bool> {
    let mut main = vec![false; lines + 1];
    let mut at = 2 + chance.below(2);
    while at <= lines {
        main[at] = true;
        at += 4 + chance.below(3);
    }
    main
}

/// Where each crossing of the grid lies; `None` outside the city and in the lake.
fn points(
    chance: &mut Chance,
    river: &River,
    lake: &Lake,
    main_columns: &[bool],
    main_rows: &[bool],
) -> Vec<Option<Xy>> {
    let lines = |chance: &mut Chance, count: usize| {
        let mut at = 0.0;
        let mut lines = vec![0.0];
        for _ in 0..count {
            at += chance.between(SPACING_M.0, SPACING_M.1);
            lines.push(at);
        }
        lines.into_iter().map(|line| line - at / 2.0).collect::<Vec<f64>>()
    };
    let (xs, ys) = (lines(chance, COLUMNS), lines(chance, ROWS));
    let phase: Vec<f64> = (0..6).map(|_| chance.between(0.0, TAU)).collect();
    let (sin, cos) = TURN_DEG.to_radians().sin_cos();
    let mut points = Vec::with_capacity(xs.len() * ys.len());
    for (j, y) in ys.iter().enumerate() {
        for (i, x) in xs.iter().enumerate() {
            let reach = (x / REACH_M.x).hypot(y / REACH_M.y) + 0.07 * (3.0 * y.atan2(*x) + phase[4]).sin();
            let is_main = main_columns[i] || main_rows[j];
            let (jitter_x, jitter_y) = (chance.between(-9.0, 9.0), chance.between(-9.0, 9.0));
            if reach > if is_main { ROADS_BEYOND } else { 1.0 } {
                points.push(None);
                continue;
            }
            let bend = |along: f64, both: f64, at: usize| {
                110.0 * (TAU * along / 3800.0 + phase[at]).sin() + 55.0 * (TAU * both / 2600.0 + phase[at + 1]).sin()
            };
            let bent = Xy::new(x + bend(*y, x + y, 0) + jitter_x, y + bend(*x, x - y, 2) + jitter_y);
            let turned = Xy::new(bent.x * cos - bent.y * sin, bent.x * sin + bent.y * cos);
            points.push(beside_water(turned, river, lake));
        }
    }
    points
}

/// Crossings too near to water move to the embankment.
fn beside_water(at: Xy, river: &River, lake: &Lake) -> Option<Xy> {
    let shore = lake.shore_m(at);
    if shore < -90.0 {
        return None;
    }
    if shore < SHORE_M {
        return Some(lake.beside(at, SHORE_M));
    }
    let side = river.side_m(at);
    let least = river.half_width_m(at.y) + EMBANKMENT_M;
    let push = if side.abs() < least { side.signum() * least - side } else { 0.0 };
    Some(Xy::new(at.x + push, at.y))
}

/// The cells through which an avenue runs from the middle of the city to the south-east.
fn avenue(main_columns: &[bool], main_rows: &[bool]) -> Vec<(usize, usize)> {
    let nearest = |main: &[bool], middle: usize| {
        (0..main.len()).filter(|line| main[*line]).min_by_key(|line| line.abs_diff(middle)).unwrap_or(middle)
    };
    let (i, j) = (nearest(main_columns, COLUMNS / 2), nearest(main_rows, ROWS / 2));
    (0..AVENUE_CELLS).filter_map(|step| Some((i + step, j.checked_sub(step + 1)?))).collect()
}

/// Divides the cells into plots: single cells in the centre, larger ones outside, none across a main street.
fn plots(
    chance: &mut Chance,
    points: &[Option<Xy>],
    main_columns: &[bool],
    main_rows: &[bool],
    avenue: &[(usize, usize)],
) -> (Vec<Plot>, Vec<usize>) {
    let mut plots = Vec::new();
    let mut plot_of = vec![usize::MAX; COLUMNS * ROWS];
    for &(i, j) in avenue {
        plot_of[cell(i, j)] = plots.len();
        plots.push(Plot { i, j, wide: 1, high: 1 });
    }
    for j in 0..ROWS {
        for i in 0..COLUMNS {
            if plot_of[cell(i, j)] != usize::MAX {
                continue;
            }
            let from_centre = points[node(i, j)].map_or(3000.0, |at| at.x.hypot(at.y));
            let looseness = ((from_centre - 500.0) / 2200.0).clamp(0.08, 0.7);
            let size = |chance: &mut Chance| 1 + usize::from(chance.happens(looseness));
            let (most_wide, most_high) = (size(chance), size(chance));
            let free = |i: usize, j: usize| i < COLUMNS && j < ROWS && plot_of[cell(i, j)] == usize::MAX;
            let wide = if most_wide == 2 && !main_columns[i + 1] && free(i + 1, j) { 2 } else { 1 };
            let higher = most_high == 2 && !main_rows[j + 1] && (i..i + wide).all(|i| free(i, j + 1));
            let high = if higher { 2 } else { 1 };
            for y in j..j + high {
                for x in i..i + wide {
                    plot_of[cell(x, y)] = plots.len();
                }
            }
            plots.push(Plot { i, j, wide, high });
        }
    }
    (plots, plot_of)
}

/// A line of the grid, or the avenue, where a street can run without interruption.
struct Run {
    line: Line,
    nodes: Vec<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Line {
    /// Its number, and which stretch of it: small streets change their name at main ones.
    Column(usize, usize),
    Row(usize, usize),
    Avenue,
}

impl Plan {
    fn is_main(&self, line: Line) -> bool {
        match line {
            Line::Column(i, _) => self.main_columns[i],
            Line::Row(j, _) => self.main_rows[j],
            Line::Avenue => true,
        }
    }

    /// May a street lead from one crossing to the next? Only main rows have bridges.
    fn is_passable(&self, a: usize, b: usize, bridge: bool) -> bool {
        let (Some(a), Some(b)) = (self.points[a], self.points[b]) else { return false };
        let dry = [0.25, 0.5, 0.75].iter().all(|part| self.lake.shore_m(a.toward(b, *part)) > 2.0);
        let one_bank = self.river.side_m(a).signum() == self.river.side_m(b).signum();
        dry && (one_bank || bridge)
    }

    /// Is there a plot on both sides of a line that has no street in it?
    fn is_street(&self, one: Option<usize>, other: Option<usize>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => self.plot_of[one] != self.plot_of[other],
            _ => false,
        }
    }

    fn runs(&self) -> Vec<Run> {
        let mut runs = Vec::new();
        for i in 1..COLUMNS {
            let main = self.main_columns[i];
            let open = |j: usize| main || self.is_street(Some(cell(i - 1, j)), Some(cell(i, j)));
            let stretch =
                |j: usize| if main { 0 } else { self.main_rows[..=j].iter().filter(|m| **m).count().div_ceil(2) };
            let steps = (0..ROWS).map(|j| (node(i, j), node(i, j + 1), open(j), Line::Column(i, stretch(j))));
            self.gather(steps, false, &mut runs);
        }
        for j in 1..ROWS {
            let main = self.main_rows[j];
            let open = |i: usize| main || self.is_street(Some(cell(i, j - 1)), Some(cell(i, j)));
            let stretch =
                |i: usize| if main { 0 } else { self.main_columns[..=i].iter().filter(|m| **m).count().div_ceil(2) };
            let steps = (0..COLUMNS).map(|i| (node(i, j), node(i + 1, j), open(i), Line::Row(j, stretch(i))));
            self.gather(steps, main, &mut runs);
        }
        let avenue = self.avenue.iter().map(|&(i, j)| (node(i, j + 1), node(i + 1, j), true, Line::Avenue));
        self.gather(avenue, false, &mut runs);
        runs
    }

    fn gather(&self, steps: impl Iterator<Item = (usize, usize, bool, Line)>, bridge: bool, runs: &mut Vec<Run>) {
        let mut current: Option<Run> = None;
        for (a, b, open, line) in steps {
            let open = open && self.is_passable(a, b, bridge);
            match &mut current {
                Some(run) if open && run.line == line && run.nodes.last() == Some(&a) => run.nodes.push(b),
                _ => {
                    runs.extend(current.take());
                    current = open.then(|| Run { line, nodes: vec![a, b] });
                }
            }
        }
        runs.extend(current);
    }

    fn areas(&self, chance: &mut Chance) -> Vec<Area> {
        let mut areas = Vec::new();
        for plot in &self.plots {
            let Some(ring) = self.ring(plot) else { continue };
            let middle = ring.iter().fold(Xy::new(0.0, 0.0), |sum, at| Xy::new(sum.x + at.x, sum.y + at.y));
            let middle = Xy::new(middle.x / ring.len() as f64, middle.y / ring.len() as f64);
            let shore = self.lake.shore_m(middle);
            let by_river = self.river.side_m(middle).abs() < 170.0;
            let chance_of_park = match () {
                () if shore < 150.0 || middle.distance_m(GREAT_PARK) < 330.0 => 0.93,
                () if by_river => 0.22,
                () if plot.wide * plot.high == 4 => 0.13,
                () => 0.03,
            };
            let class = if chance.happens(chance_of_park) { "park" } else { "block" };
            if self.avenue.contains(&(plot.i, plot.j)) {
                let [a, b, c, d] = [ring[0], ring[1], ring[2], ring[3]];
                areas.extend([vec![a, b, d], vec![b, c, d]].map(|ring| Area { class, ring: inset(&ring) }));
            } else {
                areas.push(Area { class, ring: inset(&ring) });
            }
        }
        areas.extend((0..WOODS).map(|_| Area { class: "park", ring: wood(chance) }));
        areas.push(Area { class: "water", ring: closed(self.river.ring(RIVER_REACH_M)) });
        areas.push(Area { class: "water", ring: closed(self.lake.ring()) });
        areas
    }

    /// Around a plot, counter-clockwise from its lower left; `None` if a corner is missing.
    fn ring(&self, plot: &Plot) -> Option<Vec<Xy>> {
        let (i, j, wide, high) = (plot.i, plot.j, plot.wide, plot.high);
        let south = (0..wide).map(|step| node(i + step, j));
        let east = (0..high).map(|step| node(i + wide, j + step));
        let north = (0..wide).map(|step| node(i + wide - step, j + high));
        let west = (0..high).map(|step| node(i, j + high - step));
        south.chain(east).chain(north).chain(west).map(|id| self.points[id]).collect()
    }
}

/// Keeps the largest part of the town that hangs together, without stubs of small streets, and names it.
fn connected(plan: &Plan, mut runs: Vec<Run>, areas: Vec<Area>, names: &mut Names) -> Layout {
    trim_stubs(plan, &mut runs);
    let part_of = parts(plan.points.len(), &runs);
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for run in &runs {
        *sizes.entry(part_of[run.nodes[0]]).or_default() += run.nodes.len();
    }
    let largest = sizes.into_iter().max_by_key(|(_, size)| *size).map(|(part, _)| part);
    runs.retain(|run| run.nodes.len() > 1 && Some(part_of[run.nodes[0]]) == largest);
    // Main streets choose their names first, those through the middle before all.
    let from_middle = |run: &Run| {
        let nearest = run.nodes.iter().filter_map(|id| plan.points[*id]).map(|at| at.x.hypot(at.y) as u64).min();
        (!plan.is_main(run.line), nearest)
    };
    runs.sort_by_key(from_middle);
    let mut named: BTreeMap<Line, String> = BTreeMap::new();
    let mut number_of: BTreeMap<usize, usize> = BTreeMap::new();
    let mut layout = Layout { nodes: Vec::new(), streets: Vec::new(), areas, roads_out: Vec::new() };
    for run in runs {
        let main = plan.is_main(run.line);
        let name = named.entry(run.line).or_insert_with(|| if main { names.main() } else { names.minor() }).clone();
        let nodes = run.nodes.iter().map(|id| {
            *number_of.entry(*id).or_insert_with(|| {
                layout.nodes.push(plan.points[*id].expect("streets lead only through points that exist"));
                layout.nodes.len() - 1
            })
        });
        let nodes = nodes.collect();
        layout.streets.push(Street { name, main, nodes });
    }
    layout
}

/// From the ends of some main streets on into the country, in directions of their own.
fn roads_out(layout: &Layout, chance: &mut Chance) -> Vec<Vec<Xy>> {
    let mains = layout.streets.iter().filter(|street| street.main && street.nodes.len() > 2);
    let ends = mains.flat_map(|street| {
        let last = street.nodes.len() - 1;
        [[1, 0], [last - 1, last]].map(|pair| pair.map(|at| layout.nodes[street.nodes[at]]))
    });
    let mut ends: Vec<[Xy; 2]> = ends.filter(|[_, end]| end.x.hypot(end.y) > 2_300.0).collect();
    chance.shuffle(&mut ends);
    let mut roads: Vec<Vec<Xy>> = Vec::new();
    for [before, end] in ends {
        let apart = |road: &Vec<Xy>| {
            let angle = (road[0].y.atan2(road[0].x) - end.y.atan2(end.x)).rem_euclid(TAU);
            angle.min(TAU - angle) > 0.55
        };
        if roads.len() < ROADS_OUT && roads.iter().all(apart) {
            roads.push(road_out(chance, before, end));
        }
    }
    roads
}

/// Small streets that end in nothing are cut back to the last crossing.
fn trim_stubs(plan: &Plan, runs: &mut [Run]) {
    for _ in 0..4 {
        let mut ways = vec![0_usize; plan.points.len()];
        for run in runs.iter() {
            for pair in run.nodes.windows(2) {
                ways[pair[0]] += 1;
                ways[pair[1]] += 1;
            }
        }
        for run in runs.iter_mut().filter(|run| !plan.is_main(run.line)) {
            if run.nodes.len() > 1 && ways[run.nodes[0]] == 1 {
                run.nodes.remove(0);
            }
            if run.nodes.len() > 1 && run.nodes.last().is_some_and(|last| ways[*last] == 1) {
                run.nodes.pop();
            }
        }
    }
}

/// For each node the representative of the part it belongs to.
fn parts(count: usize, runs: &[Run]) -> Vec<usize> {
    fn root(of: &mut [usize], mut at: usize) -> usize {
        while of[at] != at {
            of[at] = of[of[at]];
            at = of[at];
        }
        at
    }
    let mut of: Vec<usize> = (0..count).collect();
    for pair in runs.iter().flat_map(|run| run.nodes.windows(2)) {
        let (a, b) = (root(&mut of, pair[0]), root(&mut of, pair[1]));
        of[a] = b;
    }
    (0..count).map(|at| root(&mut of, at)).collect()
}

fn closed(mut ring: Vec<Xy>) -> Vec<Xy> {
    if ring.first() != ring.last() {
        ring.extend(ring.first().copied());
    }
    ring
}

/// The ring moved inward by the width of a street's half: each corner along the middle of its two normals.
fn inset(ring: &[Xy]) -> Vec<Xy> {
    let count = ring.len();
    let corner = |at: usize| {
        let (before, here, after) = (ring[(at + count - 1) % count], ring[at], ring[(at + 1) % count]);
        let (one, two) = (left_normal(before, here), left_normal(here, after));
        let scale = STREET_MARGIN_M / (1.0 + one.x * two.x + one.y * two.y).max(0.35);
        Xy::new(here.x + (one.x + two.x) * scale, here.y + (one.y + two.y) * scale)
    };
    closed((0..count).map(corner).collect())
}

fn left_normal(from: Xy, to: Xy) -> Xy {
    let length = from.distance_m(to).max(1e-6);
    Xy::new(-(to.y - from.y) / length, (to.x - from.x) / length)
}
