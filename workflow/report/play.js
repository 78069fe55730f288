"use strict";
// Explorables: charts that native inputs control. The library that draws them is in the page, deflated; it is inflated
// when a reader first opens one.
(() => {
  const GAP = 20; // pixels between panels
  const MILLISECONDS = 250; // between two steps of a slider that plays
  const plays = [...document.querySelectorAll("details.play")];

  async function inflate(id) {
    const packed = atob(document.getElementById(id).textContent.trim());
    const bytes = Uint8Array.from(packed, (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).text();
  }

  let library;
  function load() {
    library ??= inflate("play-library").then((text) => new Function(text)());
    return library;
  }

  function fitted(spec, width) {
    const { least, margin, aspect } = spec.usermeta.layout;
    const columns = Math.max(1, Math.min(spec.columns, Math.floor((width + GAP) / (least + GAP))));
    const each = Math.floor((width - GAP * (columns - 1)) / columns) - margin;
    const size = aspect ? { width: each, height: Math.round(aspect * each) } : { width: each };
    return { ...spec, columns, spacing: GAP, concat: spec.concat.map((panel) => ({ ...panel, ...size })) };
  }

  async function draw(play) {
    play.dataset.drawn = "not yet";
    const [text] = await Promise.all([inflate(play.dataset.play), load()]);
    const chart = play.querySelector(".chart");
    const spec = fitted(JSON.parse(text), chart.clientWidth);
    for (const parameter of spec.params) {
      const input = inputs(play).find((one) => one.dataset.parameter === parameter.name);
      if (input) parameter.value = valueOf(input);
    }
    const { view } = await window.vegaEmbed(chart, spec, { renderer: "svg", actions: false, logLevel: 1 });
    play.view = view;
    // A chart that is wider than a phone scrolls, also with the keyboard.
    chart.tabIndex = 0;
    view.addEventListener("click", (_, item) => {
      const variant = item?.datum?.variant;
      const isShared = inputs(play).some((one) => one.dataset.parameter === "variant");
      if (isShared && variant !== undefined) set(play, "variant", view.signal("variant") === variant ? "" : variant);
    });
    play.dataset.drawn = "yes";
  }

  function fail(play, error) {
    const said = `This browser cannot draw it (${error.message}); the figure above shows the same measurements.`;
    play.querySelector(".chart").textContent = said;
  }

  function inputs(play) {
    return [...play.querySelectorAll("[data-parameter]")];
  }

  function valueOf(input) {
    if (input.tagName === "FIELDSET") return ticked(input).map((box) => box.value);
    if (input.type === "range") return JSON.parse(input.dataset.values)[Number(input.value)];
    return input.type === "checkbox" ? input.checked : input.value;
  }

  function ticked(fieldset) {
    return [...fieldset.querySelectorAll("input:checked")];
  }

  // The highlighted variant is the same in all explorables that have it.
  function set(own, parameter, value) {
    for (const play of parameter === "variant" ? plays : [own]) {
      const input = inputs(play).find((one) => one.dataset.parameter === parameter);
      if (!input || !show(input, value)) continue;
      play.view?.signal(parameter, value).runAsync();
    }
  }

  function show(input, value) {
    if (input.tagName === "FIELDSET") {
      const boxes = [...input.querySelectorAll("input")];
      boxes.forEach((box) => (box.checked = value.includes(box.value)));
      return true;
    }
    if (input.type === "checkbox") {
      input.checked = value;
      return true;
    }
    if (input.type !== "range") {
      const known = [...input.options].some((option) => option.value === value);
      if (known) input.value = value;
      return known;
    }
    const place = JSON.parse(input.dataset.values).indexOf(value);
    if (place < 0) return false;
    const label = JSON.parse(input.dataset.labels)[place];
    input.value = place;
    input.setAttribute("aria-valuetext", label);
    input.parentElement.querySelector("output").value = label;
    return true;
  }

  function step(play, slider) {
    const values = JSON.parse(slider.dataset.values);
    set(play, slider.dataset.parameter, values[(Number(slider.value) + 1) % values.length]);
  }

  for (const play of plays) {
    play.hidden = false;
    const start = () => {
      if (play.open && !play.dataset.drawn) draw(play).catch((error) => fail(play, error));
    };
    play.addEventListener("toggle", start);
    // A link to it may have opened it before.
    start();
    for (const input of inputs(play)) {
      input.addEventListener("input", () => set(play, input.dataset.parameter, valueOf(input)));
    }
    for (const button of play.querySelectorAll(".controls button")) {
      let timer;
      button.addEventListener("click", () => {
        const slider = button.parentElement.querySelector("input");
        timer = timer ? clearInterval(timer) : setInterval(step, MILLISECONDS, play, slider);
        button.textContent = timer ? "pause" : "play";
      });
    }
  }
})();
