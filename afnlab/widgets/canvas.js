// Shows frames on a canvas; reports clicks, and keys that stand in for them; saves files.
const STEP = 0.02; // of the picture's width, that an arrow key moves the cross by
const OURS = new Set(
  ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown", "Enter", " "],
);

function render({ model, el }) {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  canvas.className = "afnlab-screen";
  canvas.style.maxWidth = "100%";
  canvas.style.display = "block";
  const place = document.createElement("div");
  place.style.position = "relative";
  place.append(canvas);
  el.append(place);

  let drawn = 0;
  const draw = async () => {
    const [number, frame] = [model.get("number"), model.get("frame")];
    if (!frame || !frame.byteLength) return;
    const picture = await createImageBitmap(new Blob([frame], { type: "image/png" }));
    if (number < drawn) return; // a later frame was decoded first
    drawn = number;
    if (canvas.width !== picture.width || canvas.height !== picture.height) {
      canvas.width = picture.width;
      canvas.height = picture.height;
    } else context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(picture, 0, 0);
    picture.close();
    canvas.style.width = `${model.get("width")}px`;
    canvas.dataset.number = number;
    if (model.get("acknowledged")) {
      model.set("seen", number);
      model.save_changes();
    }
  };
  const describe = () => canvas.setAttribute("aria-label", model.get("label"));
  const message = (content, buffers) => {
    if (content.kind !== "save") return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(buffers, { type: content.type }));
    link.download = content.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  // Notebooks take arrows and Enter for themselves, also from a slider or a button in an output.
  // The mark is on the element with the focus: some of their shortcuts are bound to just that one.
  const keep = (event) => {
    const plain = !(event.ctrlKey || event.metaKey || event.altKey || event.shiftKey);
    if (el.closest(".jp-OutputArea-output")?.contains(event.target))
      event.target.toggleAttribute("data-lm-suppress-shortcuts", plain && OURS.has(event.key));
  };
  window.addEventListener("keydown", keep, true);

  // Sliders stand beside their names and do not say them: to those who hear the page they are all
  // "slider". Cards come and go, so it is looked again.
  // An output that is replaced meanwhile is still this widget's, which is then outside of the page.
  let watching;
  requestAnimationFrame(() => {
    const around = el.closest(".jp-OutputArea-output");
    if (!around) return;
    nameSliders(around);
    watching = new MutationObserver(() => nameSliders(around));
    watching.observe(around, { childList: true, subtree: true });
  });

  canvas.setAttribute("role", model.get("clickable") ? "application" : "img");
  if (model.get("clickable")) listen(model, canvas, place);
  describe();
  draw();
  const ratio = Math.min(window.devicePixelRatio || 1, 2);
  if (ratio !== model.get("ratio")) {
    model.set("ratio", ratio);
    model.save_changes();
  }
  model.on("change:number", draw);
  model.on("change:label", describe);
  model.on("msg:custom", message);
  return () => {
    watching?.disconnect();
    window.removeEventListener("keydown", keep, true);
    model.off("change:number", draw);
    model.off("change:label", describe);
    model.off("msg:custom", message);
  };
}

function nameSliders(part) {
  for (const slider of part.querySelectorAll(".widget-slider")) {
    const name = slider.querySelector("label")?.textContent;
    const handles = slider.querySelectorAll(".noUi-handle:not([aria-label])");
    const ends = handles.length > 1 ? [", from", ", to"] : [""];
    handles.forEach((handle, i) => handle.setAttribute("aria-label", `${name}${ends[i]}`));
  }
}

function listen(model, canvas, place) {
  const click = (x, y, other) => model.send({ kind: "click", x, y, other });
  canvas.style.cursor = "crosshair";
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect();
    click((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, event.shiftKey);
  });

  // With the keyboard: arrows move a cross, Enter and the space bar click where it stands.
  const cross = document.createElement("div");
  cross.textContent = "+";
  cross.className = "afnlab-cross";
  cross.setAttribute("aria-hidden", "true");
  cross.style.cssText =
    "position:absolute;transform:translate(-50%,-50%);font:24px monospace;pointer-events:none;display:none";
  place.append(cross);
  place.dataset.lmSuppressShortcuts = "true"; // arrows and Enter are not JupyterLab's here
  canvas.tabIndex = 0;
  let [x, y] = [0.25, 0.3];
  const move = () => {
    cross.style.left = `${x * canvas.clientWidth}px`;
    cross.style.top = `${y * canvas.clientHeight}px`;
  };
  const within = (v) => Math.min(1, Math.max(0, v));
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  canvas.addEventListener("focus", () => {
    cross.style.display = canvas.matches(":focus-visible") ? "block" : "none";
    move();
  });
  canvas.addEventListener("blur", () => (cross.style.display = "none"));
  canvas.addEventListener("keydown", (event) => {
    if (event.key in arrows) {
      const [dx, dy] = arrows[event.key];
      x = within(x + STEP * dx);
      y = within(y + (STEP * dy * canvas.clientWidth) / canvas.clientHeight);
      cross.style.display = "block";
      move();
    } else if (event.key === "Enter" || event.key === " ") click(x, y, event.shiftKey);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

export default { render };
