"use strict";
(function () {
  const specs = JSON.parse(document.getElementById("figures").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 520px)");

  function themed(layout) {
    const style = getComputedStyle(document.documentElement);
    const ink = style.getPropertyValue("--ink").trim();
    const muted = style.getPropertyValue("--muted").trim();
    const line = style.getPropertyValue("--line").trim();
    const axis = { gridcolor: line, linecolor: line, tickcolor: line, tickfont: { color: muted } };
    const result = Object.assign({}, layout, {
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: ink },
      hoverlabel: { font: { size: 13 } },
      margin: Object.assign({}, layout.margin, narrow.matches ? { l: 40, r: 8 } : {}),
    });
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) {
        result[key] = Object.assign({}, axis, layout[key]);
        if (layout[key].title) {
          const font = { size: 12.5, color: muted };
          result[key].title = Object.assign({ font: font, standoff: 8 }, layout[key].title);
        }
      }
    }
    return result;
  }

  // Follows the width of each figure's place, whatever changed it.
  const resizing = new ResizeObserver(function (entries) {
    for (const entry of entries) {
      const width = Math.floor(entry.contentRect.width);
      if (width > 0 && entry.target._fullLayout && entry.target._fullLayout.width !== width) {
        Plotly.relayout(entry.target, { width: width });
      }
    }
  });

  function draw() {
    for (const [id, spec] of Object.entries(specs)) {
      const place = document.getElementById("plot-" + id);
      if (place) {
        const layout = Object.assign(themed(spec.layout), { width: place.clientWidth });
        Plotly.react(place, spec.data, layout, { displayModeBar: false });
        resizing.observe(place);
      }
    }
    document.documentElement.dataset.drawn = "yes";
  }

  draw();
  dark.addEventListener("change", draw);
  narrow.addEventListener("change", draw);
})();
