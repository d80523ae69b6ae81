//! Points that no other point beats in both directions.

use super::{Point, Scatter, Series};

impl Scatter {
    /// Adds a line through the Pareto front of all points: those for which no other is at most as far along both axes.
    /// For axes on which less is better, such as size and error.
    pub fn push_front(&mut self, name: impl Into<String>) {
        let mut points: Vec<&Point> = self.points().filter(|point| self.shows(point)).collect();
        points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
        let mut front = Series::new(name).joined();
        let mut least = f64::INFINITY;
        for point in points {
            if point.y < least {
                least = point.y;
                front.push(point.x, point.y, "");
            }
        }
        self.series.push(front);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Axis;
    use proptest::prelude::*;

    fn front_of(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut series = Series::new("all");
        for &(x, y) in points {
            series.push(x, y, "name");
        }
        let mut scatter = Scatter { x: Axis::linear("MB"), series: vec![series], ..Scatter::default() };
        scatter.push_front("front");
        scatter.series[1].points.iter().map(|point| (point.x, point.y)).collect()
    }

    #[test]
    fn what_is_beaten_is_left_out() {
        let points = [(3.0, 1.0), (1.0, 5.0), (2.0, 6.0), (2.0, 2.0), (f64::NAN, 0.0)];
        assert_eq!(front_of(&points), [(1.0, 5.0), (2.0, 2.0), (3.0, 1.0)]);
        assert_eq!(front_of(&[]), []);
    }

    proptest! {
        #[test]
        fn every_point_is_on_the_front_or_beaten_by_it(points in prop::collection::vec((0_u8..9, 0_u8..9), 1..20)) {
            let points: Vec<(f64, f64)> = points.iter().map(|&(x, y)| (x.into(), y.into())).collect();
            let front = front_of(&points);
            for &(x, y) in &points {
                let beats = |&(a, b): &(f64, f64)| a <= x && b <= y;
                prop_assert!(front.iter().any(beats));
            }
            for (i, &(x, y)) in front.iter().enumerate() {
                prop_assert!(front.iter().enumerate().all(|(j, &(a, b))| i == j || a > x || b > y));
            }
        }
    }
}
