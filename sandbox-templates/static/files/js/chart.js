const SVG = "http://www.w3.org/2000/svg";

/**
 * Draws a chart into `place` (an element), in the colours of css/style.css.
 *
 * @param {Element} place
 * @param {{ label: string, value: number }[]} points
 * @param {{ kind?: "bar" | "line", title: string, format?: (value: number) => string }} options
 *   `title` says what the chart shows, for those who cannot see it.
 */
export function drawChart(place, points, { kind = "bar", title, format = (value) => value.toLocaleString() }) {
  const width = 640;
  const height = 260;
  const edge = { top: 12, right: 12, bottom: 28, left: 48 };
  const most = niceCeiling(Math.max(...points.map((point) => point.value), 0));
  const across = (width - edge.left - edge.right) / Math.max(points.length, 1);
  const x = (index) => edge.left + across * (index + 0.5);
  const y = (value) => height - edge.bottom - (value / most) * (height - edge.top - edge.bottom);

  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, width: "100%" });
  for (const share of [0, 0.25, 0.5, 0.75, 1]) {
    const at = y(share * most);
    svg.append(
      node("line", { x1: edge.left, x2: width - edge.right, y1: at, y2: at, stroke: "var(--border)" }),
      text(format(share * most), edge.left - 8, at + 4, "end"),
    );
  }
  const step = Math.ceil(points.length / 12);
  points.forEach((point, index) => {
    if (index % step === 0) svg.append(text(point.label, x(index), height - 8, "middle"));
    const mark =
      kind === "bar"
        ? node("rect", {
            x: x(index) - across * 0.35,
            y: y(point.value),
            width: across * 0.7,
            height: y(0) - y(point.value),
            rx: 3,
            fill: "var(--chart-1)",
          })
        : node("circle", { cx: x(index), cy: y(point.value), r: 3.5, fill: "var(--chart-1)" });
    mark.append(Object.assign(node("title"), { textContent: `${point.label}: ${format(point.value)}` }));
    svg.append(mark);
  });
  if (kind === "line") {
    const line = points.map((point, index) => `${x(index)},${y(point.value)}`).join(" ");
    svg.append(node("polyline", { points: line, fill: "none", stroke: "var(--chart-1)", "stroke-width": 2 }));
  }
  place.replaceChildren(svg);
}

function niceCeiling(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((round) => round >= value);
}

function node(name, attributes = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function text(content, x, y, anchor) {
  const made = node("text", { x, y, "text-anchor": anchor, "font-size": 12, fill: "var(--muted)" });
  made.textContent = content;
  return made;
}
