//! Draws `results.svg`: wall times as bars on a logarithmic scale, above the date, versions and machine.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::measure::Quartiles;

const WIDTH: u32 = 860;
const ROW: u32 = 30;
const OURS: RGBColor = RGBColor(0x1f, 0x77, 0xb4);
const THEIRS: RGBColor = RGBColor(0xb0, 0xb0, 0xb0);

impl fmt::Display for Quartiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lower,
            median,
            upper,
        } = self;
        let digits = f.precision().unwrap_or(2);
        let text = format!("{median:.digits$} [{lower:.digits$}, {upper:.digits$}]");
        write!(f, "{text:<width$}", width = f.width().unwrap_or(0))
    }
}

/// Draws one bar for each program, fastest first, above a `footer` of parts separated by ` · `.
pub fn draw(times: &BTreeMap<String, Vec<f64>>, footer: &str, file: &Path) {
    let mut rows: Vec<(&String, Quartiles)> = times
        .iter()
        .map(|(name, times)| (name, Quartiles::of(times.clone())))
        .collect();
    rows.sort_by(|(_, one), (_, other)| one.median.total_cmp(&other.median));
    let fastest = rows.first().map_or(1.0, |(_, wall)| wall.median);
    let slowest = rows.last().map_or(1.0, |(_, wall)| wall.median);
    let scale = fastest * 0.6..slowest * 2.5;

    let height = ROW * (rows.len() as u32) + 100;
    let area = SVGBackend::new(file, (WIDTH, height)).into_drawing_area();
    area.fill(&WHITE).unwrap();
    let (area, foot) = area.split_vertically(height - 34);
    let mut chart = ChartBuilder::on(&area)
        .caption(
            "Wall time of the whole process in milliseconds: median and quartiles; shorter is faster",
            ("sans-serif", 15),
        )
        .margin(8)
        .x_label_area_size(26)
        .y_label_area_size(230)
        .build_cartesian_2d(scale.clone().log_scale(), rows.len() as f64..0.0)
        .unwrap();
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .y_labels(0)
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", 12))
        .x_label_formatter(&|ms| format!("{ms}"))
        .draw()
        .unwrap();
    let text = |position| {
        let style = TextStyle::from(("sans-serif", 12)).color(&BLACK);
        style.pos(Pos::new(position, VPos::Center))
    };
    for (row, (name, wall)) in rows.iter().enumerate() {
        let (top, middle, bottom) = (row as f64 + 0.2, row as f64 + 0.5, row as f64 + 0.8);
        let color = if name.starts_with("cells-token") {
            OURS
        } else {
            THEIRS
        };
        let Quartiles {
            lower,
            median,
            upper,
        } = *wall;
        chart
            .draw_series([Rectangle::new(
                [(scale.start, top), (median, bottom)],
                color.filled(),
            )])
            .unwrap();
        chart
            .draw_series([PathElement::new([(lower, middle), (upper, middle)], BLACK)])
            .unwrap();
        let label = |at, shown: &str, position| Text::new(shown.to_owned(), at, text(position));
        let digits = if median < 1.0 { 2 } else { 1 };
        let labels = [label(
            (upper * 1.08, middle),
            &format!("{median:.digits$}"),
            HPos::Left,
        )];
        chart.draw_series(labels).unwrap();
        let (x, y) = chart.backend_coord(&(scale.start, middle));
        area.draw(&Text::new((*name).clone(), (x - 8, y), text(HPos::Right)))
            .unwrap();
    }
    let (first, second) = halves(footer);
    for (line, y) in [(first, 8), (second, 24)] {
        foot.draw(&Text::new(line, (10, y), text(HPos::Left)))
            .unwrap();
    }
    foot.present().unwrap();
}

/// Splits the footer into two lines.
fn halves(line: &str) -> (String, String) {
    let parts: Vec<_> = line.split(" · ").collect();
    let (first, second) = parts.split_at(parts.len() / 2);
    (first.join(" · "), second.join(" · "))
}
