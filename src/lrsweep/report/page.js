// Draws the interactive parts from the JSON beside it, in the page's colours; nothing is loaded.
"use strict";
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const config = { responsive: true, displayModeBar: false };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const part = (name) => document.getElementById(`plot-${name}`);
  const number = (value) => (value === null ? "n/a" : Number(value.toPrecision(4)).toString());

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const [ink, line] = ["--ink", "--line"].map((name) => style.getPropertyValue(name).trim());
    return { ink, line };
  }

  function theme(layout) {
    const { ink, line } = colours();
    const change = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": ink };
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      Object.assign(change, { [`${axis}.gridcolor`]: line, [`${axis}.linecolor`]: line, [`${axis}.zerolinecolor`]: line });
    }
    return change;
  }

  function rethemed() {
    for (const name of Object.keys(plots)) Plotly.relayout(part(name), theme(plots[name].figure.layout));
    // What is best stands out from the paper: dark on light, light on dark.
    if ("parallel" in plots) Plotly.restyle(part("parallel"), { "line.reversescale": dark.matches });
    if ("exploration" in plots) Plotly.relayout(part("exploration"), { "coloraxis.reversescale": dark.matches });
  }

  // Explore against exploit: the slider's value is the last trial that is shown.
  function animate({ figure, rows }) {
    const div = part("exploration");
    const [slider, play, now] = ["time", "play", "now"].map((id) => document.getElementById(id));
    const full = figure.data.map((trace) => trace.y);
    let timer = null;

    function show(last) {
      const y = figure.data.map((trace, i) => full[i].map((value, k) => (trace.customdata[k] <= last ? value : null)));
      Plotly.restyle(div, { y });
      const row = rows.find((one) => one.trial === last);
      const best = row.best_before_nats === null
        ? "no trial has completed before it"
        : `best final loss before it ${number(row.best_before_nats)} nats`;
      const distance = row.distance === null ? "" : `, distance ${number(row.distance)}`;
      now.textContent =
        `Trial ${last} (${row.series.toLowerCase()}, ${row.sampler}): learning rate ${number(row.lr)}, ` +
        `steering metric ${number(row.metric)}${distance}; ${best}.`;
    }

    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    }

    function start() {
      if (Number(slider.value) >= Number(slider.max)) slider.value = slider.min;
      play.textContent = "Pause";
      const step = Math.max(60, Math.min(400, 12000 / rows.length)); // about 12 s in all
      timer = setInterval(() => {
        slider.value = Number(slider.value) + 1;
        show(Number(slider.value));
        if (Number(slider.value) >= Number(slider.max)) stop();
      }, step);
    }

    slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
    play.addEventListener("click", () => (timer === null ? start() : stop()));
    show(Number(slider.value));
  }

  // Parallel coordinates: how many trials are within the brushed ranges, and the best of them.
  function brush({ figure, rows }) {
    const div = part("parallel");
    const [count, clear] = ["brushed", "clear"].map((id) => document.getElementById(id));

    function within(value, ranges) {
      if (ranges === undefined || ranges === null) return true;
      const list = Array.isArray(ranges[0]) ? ranges : [ranges];
      return list.some(([low, high]) => low <= value && value <= high);
    }

    function tell() {
      const dimensions = div.data[0].dimensions;
      const left = rows.filter((_, i) => dimensions.every((d) => within(d.values[i], d.constraintrange)));
      const best = left.reduce((a, b) => (a === null || b.last_loss_nats < a.last_loss_nats ? b : a), null);
      count.textContent =
        `${left.length} of ${rows.length} trials` +
        (best === null ? "." : `; the lowest last loss of them is ${number(best.last_loss_nats)} nats, of trial ${best.trial} at learning rate ${number(best.lr)}.`);
    }

    div.on("plotly_restyle", tell);
    clear.addEventListener("click", () => {
      const none = {};
      figure.data[0].dimensions.forEach((_, i) => { none[`dimensions[${i}].constraintrange`] = null; });
      Plotly.restyle(div, none);
    });
    tell();
  }

  // What is wider than its place says so, and fades at the right while there is more of it.
  function cue(wide) {
    const { scrollLeft, scrollWidth, clientWidth } = wide;
    wide.toggleAttribute("data-wider", scrollWidth > clientWidth + 1);
    wide.toggleAttribute("data-right", scrollLeft + clientWidth < scrollWidth - 1);
  }

  function cueAll() {
    const sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => cue(target.closest(".wide"))));
    for (const wide of document.querySelectorAll(".wide")) {
      wide.addEventListener("scroll", () => cue(wide), { passive: true });
      for (const one of [wide, ...wide.children]) sizes.observe(one);
    }
  }

  async function drawAll() {
    for (const [name, { figure }] of Object.entries(plots)) {
      await Plotly.newPlot(part(name), figure.data, structuredClone(figure.layout), config);
    }
    rethemed();
    if ("exploration" in plots) animate(plots.exploration);
    if ("parallel" in plots) brush(plots.parallel);
    cueAll();
    document.documentElement.dataset.drawn = "yes";
  }

  dark.addEventListener("change", rethemed);
  drawAll();
})();
