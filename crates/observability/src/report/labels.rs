//! Labels beside points, placed so that they do not cover each other.

use super::canvas::{FONT_PX, Pixel, text_width};

/// A rectangle: left, top, right, bottom.
pub(super) type Area = (i32, i32, i32, i32);

/// Where a label goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// What the text takes.
    pub(super) area: Area,
    /// Which end of the area the text starts from: 1 left (it is to the right of its point), -1 right, 0 centred.
    pub(super) side: i32,
    /// Whether the label is so far off that a line must lead to it.
    pub(super) far: bool,
}

/// Half the side of the square that a marker takes.
const MARKER: i32 = 7;

/// What a label should not cover: a marker.
pub(super) fn marker((x, y): Pixel) -> Area {
    around(x, y, MARKER, MARKER)
}

/// What a label should not cover: a straight line, as small squares along it.
pub(super) fn line(from: Pixel, to: Pixel) -> impl Iterator<Item = Area> {
    const SPACING: i32 = 6;
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = (dx.abs().max(dy.abs()) / SPACING).max(1);
    (0..=steps).map(move |step| around(from.0 + dx * step / steps, from.1 + dy * step / steps, 3, 3))
}

/// Places a label for each point inside `bounds`: greedily, the nearest free spot of rings around the point.
pub(super) fn place(points: &[(Pixel, &str)], obstacles: Vec<Area>, bounds: Area) -> Vec<Place> {
    let mut taken = obstacles;
    let mut places = Vec::with_capacity(points.len());
    for &(point, text) in points {
        let cost = |place: &Place| {
            let covered: i64 = taken.iter().map(|other| overlap(place.area, *other)).sum();
            covered + 4 * (size(place.area) - overlap(place.area, bounds))
        };
        // `min_by_key` keeps the first of equals, and the spots come nearest first.
        if let Some(place) = spots(point, text_width(text) / 2 + 1, FONT_PX / 2 + 2).min_by_key(cost) {
            taken.push(place.area);
            places.push(place);
        }
    }
    places
}

/// Spots for a label around a point, nearest ring first; right and left before above and below.
fn spots((x, y): Pixel, half_width: i32, half_height: i32) -> impl Iterator<Item = Place> {
    const DIRECTIONS: [(i32, i32); 8] =
        [(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1)];
    let rings = (0..5).flat_map(|ring| DIRECTIONS.map(|direction| (ring, direction)));
    rings.map(move |(ring, (dx, dy))| {
        let gap = MARKER + 2 + ring * 14;
        let centre = (x + dx * (gap + half_width), y + dy * (gap + half_height - 2));
        Place { area: around(centre.0, centre.1, half_width, half_height), side: dx, far: ring > 0 }
    })
}

fn around(x: i32, y: i32, half_width: i32, half_height: i32) -> Area {
    (x - half_width, y - half_height, x + half_width, y + half_height)
}

fn size((left, top, right, bottom): Area) -> i64 {
    i64::from((right - left).max(0)) * i64::from((bottom - top).max(0))
}

fn overlap(a: Area, b: Area) -> i64 {
    size((a.0.max(b.0), a.1.max(b.1), a.2.min(b.2), a.3.min(b.3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Area = (0, 0, 600, 400);

    #[test]
    fn crowded_labels_do_not_touch_and_stay_inside() {
        let points: Vec<(Pixel, &str)> =
            (0..12).map(|i| ((300 + i % 4 * 9, 200 + i / 4 * 9), "PiQ3 mse")).collect();
        let markers = points.iter().map(|(at, _)| marker(*at)).collect();
        let places = place(&points, markers, BOUNDS);
        let areas: Vec<Area> = places.iter().map(|place| place.area).collect();
        for (i, area) in areas.iter().enumerate() {
            assert_eq!(overlap(*area, BOUNDS), size(*area), "label {i} leaves the plot");
            assert!(areas[..i].iter().all(|other| overlap(*area, *other) == 0), "label {i} covers another");
        }
    }

    #[test]
    fn a_label_gets_out_of_the_way_of_a_line() {
        let places = place(&[((100, 100), "a")], line((100, 100), (200, 100)).collect(), BOUNDS);
        assert!(places[0].area.2 < 100, "the line leaves to the right: {places:?}");
    }

    #[test]
    fn a_lone_label_sits_to_the_right_and_flips_at_the_edge() {
        let right = place(&[((100, 100), "a")], vec![marker((100, 100))], BOUNDS)[0];
        assert!(right.area.0 > 100 && !right.far);
        let left = place(&[((598, 100), "a")], vec![marker((598, 100))], BOUNDS)[0];
        assert!(left.area.2 < 598 && !left.far);
    }
}
