// Zoom and pan. One eye for several stages: a picture and its parent are moved together, so that the same place of both is
// looked at. The scale is in screen pixels per pixel of the first picture; the place is the middle, as fractions.

const STEP = 1.25;
const MOST = 16;

// `tell(text)` hears the scale that is shown.
export function makeZoom(tell) {
  let stages = [];
  let scale = null; // null: the whole picture
  let middle = [0.5, 0.5];

  const fitting = ({ room, width, height }) => Math.min(room.clientWidth / width, room.clientHeight / height) || 1;
  const shown = () => (stages.length ? (scale ?? fitting(stages[0])) : 1);

  function draw() {
    for (const stage of stages) {
      // The others are as large on the screen as the first one, whatever their size is.
      const ratio = stage === stages[0] ? 1 : stages[0].height / stage.height;
      const by = scale === null ? fitting(stage) : scale * ratio;
      const [width, height] = [stage.width * by, stage.height * by];
      const { clientWidth, clientHeight } = stage.room;
      const left =
        width <= clientWidth
          ? (clientWidth - width) / 2
          : clamp(clientWidth / 2 - middle[0] * width, clientWidth - width, 0);
      const top =
        height <= clientHeight
          ? (clientHeight - height) / 2
          : clamp(clientHeight / 2 - middle[1] * height, clientHeight - height, 0);
      stage.image.style.width = `${width}px`;
      stage.image.style.height = `${height}px`;
      stage.image.style.transform = `translate(${left}px, ${top}px)`;
      stage.room.classList.toggle("pans", width > clientWidth + 1 || height > clientHeight + 1);
    }
    tell(`${Math.round(100 * shown())} %`);
  }

  function to(wanted, at = null) {
    if (!stages.length) return;
    const before = shown();
    const least = Math.min(fitting(stages[0]), 1) / 2;
    const after = clamp(wanted, least, MOST);
    if (at) {
      // The point under the pointer stays where it is.
      const { room, width, height } = at.stage;
      const ratio = at.stage === stages[0] ? 1 : stages[0].height / height;
      const box = room.getBoundingClientRect();
      const [dx, dy] = [at.x - box.left - room.clientWidth / 2, at.y - box.top - room.clientHeight / 2];
      middle = [
        middle[0] + dx / (width * before * ratio) - dx / (width * after * ratio),
        middle[1] + dy / (height * before * ratio) - dy / (height * after * ratio),
      ];
    }
    scale = after;
    hold();
    draw();
  }

  function hold() {
    middle = middle.map((value) => clamp(value, 0, 1));
  }

  function pan(x, y) {
    if (!stages.length) return;
    const { width, height } = stages[0];
    middle = [middle[0] - x / (width * shown()), middle[1] - y / (height * shown())];
    hold();
    draw();
  }

  // Makes `room` listen. Called once per room.
  function listen(room) {
    const stageOf = () => stages.find((stage) => stage.room === room);
    room.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const stage = stageOf();
        if (stage) to(shown() * (event.deltaY < 0 ? STEP : 1 / STEP), { stage, x: event.clientX, y: event.clientY });
      },
      { passive: false },
    );
    room.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      room.setPointerCapture(event.pointerId);
    });
    room.addEventListener(
      "pointermove",
      (event) => room.hasPointerCapture(event.pointerId) && pan(event.movementX, event.movementY),
    );
    room.addEventListener("dblclick", (event) => {
      const stage = stageOf();
      if (scale === null && stage) to(1, { stage, x: event.clientX, y: event.clientY });
      else fit();
    });
    room.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (by && scale !== null && room.classList.contains("pans")) pan(...by);
      else if (event.key === "+" || event.key === "=") to(shown() * STEP);
      else if (event.key === "-") to(shown() / STEP);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    new ResizeObserver(draw).observe(room);
  }

  function fit() {
    scale = null;
    middle = [0.5, 0.5];
    draw();
  }

  return {
    listen,
    fit,
    full: () => to(1),
    larger: () => to(shown() * STEP),
    smaller: () => to(shown() / STEP),
    toggle: () => (scale === null ? to(1) : fit()),
    // stages: [{room, image, width, height}], the picture first. The zoom stays as it was.
    set(wanted) {
      stages = wanted;
      draw();
    },
  };
}

const clamp = (value, least, most) => Math.min(Math.max(value, Math.min(least, most)), Math.max(least, most));
