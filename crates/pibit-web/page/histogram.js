// The distribution of weights as bars, and the levels that formats round them to as lines.
const NS = 'http://www.w3.org/2000/svg';
const [WIDTH, HEIGHT, BASE, TOP] = [640, 240, 200, 40];

function shape(name, attributes, text) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** Draws into `svg`; returns what the picture says. */
export function draw(svg, { tensor, range: [low, high], counts, levels }) {
  const x = (value) => ((value - low) / (high - low)) * WIDTH;
  const most = Math.max(...counts, 1);
  const wide = WIDTH / counts.length;
  const bars = counts.map((count, i) => {
    const height = (count / most) * (BASE - TOP);
    return shape('rect', { x: i * wide, y: BASE - height, width: wide - 0.5, height });
  });
  const marks = levels.flatMap(({ format, values }, row) => {
    const y = BASE + 6 + row * 18;
    const lines = values.map((value) => shape('line', { x1: x(value), x2: x(value), y1: y, y2: y + 10 }));
    return [...lines, shape('text', { x: 4, y: y + 11 }, format)];
  });
  svg.replaceChildren(...bars, ...marks, shape('text', { x: WIDTH / 2, y: 16, 'text-anchor': 'middle' }, 'weights over the scale of their block'));
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  const names = levels.map(({ format, values }) => `${format} has ${values.length} levels`).join(', ');
  return `${tensor}: ${counts.reduce((a, b) => a + b, 0).toLocaleString('en')} weights, each over its block’s root mean square; ${names} (short lines).`;
}
