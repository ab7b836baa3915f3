(function () {
  "use strict";
  var byId = function (id) { return document.getElementById(id); };
  var overlay = byId("overlay"), which = byId("which"), gallery = byId("gallery"), big = byId("big");

  function paint() { document.body.classList.toggle("no-overlay", !overlay.checked); }
  overlay.addEventListener("change", paint);
  document.addEventListener("keydown", function (event) {
    var typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "checkbox";
    if (event.key.toLowerCase() === "o" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      overlay.checked = !overlay.checked;
      paint();
    }
  });
  which.addEventListener("change", function () {
    Array.from(gallery.children).forEach(function (card) {
      var clean = card.dataset.defects === "0", wanted = which.value;
      card.hidden = wanted === "defects" ? clean : wanted === "clean" ? !clean
        : wanted !== "all" && card.dataset.outcome !== wanted;
    });
  });
  gallery.addEventListener("click", function (event) {
    var look = event.target.closest(".look");
    if (!look) { return; }
    var stage = big.querySelector(".stage");
    stage.textContent = "";
    look.querySelectorAll("img").forEach(function (image) { stage.appendChild(image.cloneNode()); });
    big.querySelector("span").textContent = look.parentNode.querySelector("strong").textContent;
    big.showModal();
  });
  big.querySelector("button").addEventListener("click", function () { big.close(); });
  big.addEventListener("click", function (event) { if (event.target === big) { big.close(); } });

  var table = byId("table");
  if (!table) { return; }
  var PAGE = 100, data = JSON.parse(byId("data").textContent);
  var rows = data.rows, columns = data.columns, carded = new Set(data.cards);
  var heads = Array.from(table.tHead.rows[0].cells), body = table.tBodies[0];
  var filter = byId("filter"), kind = byId("class"), verdict = byId("verdict"), least = byId("least");
  var judged = verdict !== null, view = [], first = 0;
  var formats = [0, 1, 2, 3].map(function (digits) {
    return new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  });
  function written(value, most) { // three significant digits, and all before the point
    var whole = Math.floor(Math.log10(Math.abs(value) || 1));
    return formats[Math.max(0, Math.min(most, 2 - whole))].format(value);
  }
  var texts = rows.map(function (row) {
    return (data.names[row[0] - 1] + " " + row[1] + (judged ? " " + row[3] : "")).toLowerCase();
  });

  function element(name, text, className) {
    var made = document.createElement(name);
    made.textContent = text;
    if (className) { made.className = className; }
    return made;
  }
  function cell(row, column) {
    var value = row[column];
    if (column === 0) {
      var named = element("td", "", "name"), name = data.names[value - 1];
      if (carded.has(value)) {
        var link = element("a", name);
        link.href = "#image-" + value;
        named.appendChild(link);
      } else { named.textContent = name; }
      return named;
    }
    if (columns[column].kind === "verdict") {
      var told = element("td", "");
      if (value) { told.appendChild(element("span", value, "verdict " + value)); }
      return told;
    }
    if (columns[column].kind === "text") { return element("td", value, judged && column === 3 ? "rules" : ""); }
    return element("td", value === null ? "" : written(value, columns[column].digits), "n");
  }
  function show(count) {
    var part = document.createDocumentFragment(), last = Math.min(view.length, first + count);
    for (var place = first; place < last; place += 1) {
      var line = document.createElement("tr"), row = rows[view[place]];
      for (var column = 0; column < columns.length; column += 1) { line.appendChild(cell(row, column)); }
      part.appendChild(line);
    }
    body.replaceChildren(part);
    byId("rows").textContent = view.length ? "Rows " + (first + 1).toLocaleString("en") + " to "
      + last.toLocaleString("en") + " of " + view.length.toLocaleString("en") : "No row";
    byId("before").disabled = first === 0;
    byId("after").disabled = last === view.length;
  }
  function turn(step) {
    first = Math.max(0, first + step * PAGE);
    show(PAGE);
    table.parentNode.scrollTop = 0;
  }
  byId("before").addEventListener("click", function () { turn(-1); });
  byId("after").addEventListener("click", function () { turn(1); });

  var order = rows.map(function (_, index) { return index; });
  function rank(row, column) {
    var value = row[column];
    if (column === 0) { return data.names[value - 1]; }
    return columns[column].kind === "verdict" ? data.outcomes.indexOf(value) : value;
  }
  var compare = new Intl.Collator("en", { numeric: true }).compare;
  function sort(column, descending) {
    var keys = rows.map(function (row) { return rank(row, column); });
    order.sort(function (one, two) {
      var a = keys[one], b = keys[two];
      if (a === null || b === null) { return (a === null) - (b === null); }
      var way = typeof a === "string" ? compare(a, b) : a - b;
      return (descending ? -way : way) || one - two;
    });
    heads.forEach(function (head, index) {
      if (index === column) { head.setAttribute("aria-sort", descending ? "descending" : "ascending"); }
      else { head.removeAttribute("aria-sort"); }
    });
    sift();
  }
  heads.forEach(function (head, index) {
    head.firstChild.addEventListener("click", function () {
      var was = head.getAttribute("aria-sort");
      sort(index, was ? was === "ascending" : columns[index].kind === "number");
    });
  });
  function sift() {
    var text = filter.value.trim().toLowerCase(), smallest = Number(least.value) || 0;
    view = order.filter(function (index) {
      var row = rows[index];
      return (!kind.value || row[1] === kind.value) && (!judged || !verdict.value || row[2] === verdict.value)
        && (!smallest || row[SIZE] >= smallest) && (!text || texts[index].indexOf(text) >= 0);
    });
    byId("count").textContent = view.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en") + " defects";
    first = 0;
    show(PAGE);
    draw();
    renew();
  }
  [filter, kind, verdict, least].forEach(function (input) {
    if (input) { input.addEventListener("input", sift); }
  });

  // A class has a colour and a form, a verdict the thickness of the line around it.
  var FORMS = [
    function (x, y, r) { return "M" + (x - r) + " " + y + "a" + r + " " + r + " 0 1 0 " + 2 * r + " 0a" + r + " " + r + " 0 1 0 " + -2 * r + " 0z"; },
    function (x, y, r) { return "M" + (x - r) + " " + (y - r) + "h" + 2 * r + "v" + 2 * r + "h" + -2 * r + "z"; },
    function (x, y, r) { return "M" + x + " " + (y - r) + "l" + r + " " + 2 * r + "h" + -2 * r + "z"; },
    function (x, y, r) { return "M" + x + " " + (y - r) + "l" + r + " " + r + "l" + -r + " " + r + "l" + -r + " " + -r + "z"; },
    function (x, y, r) { return "M" + (x - r) + " " + (y - r) + "h" + 2 * r + "l" + -r + " " + 2 * r + "z"; },
    function (x, y, r) { return "M" + (x - r / 2) + " " + (y - r) + "h" + r + "l" + r / 2 + " " + r + "l" + -r / 2 + " " + r + "h" + -r + "l" + -r / 2 + " " + -r + "z"; }
  ];
  var drawn = byId("drawn"), SVG = drawn.namespaceURI, crowded = rows.length > 2000, radius = crowded ? 3 : 4.5;
  drawn.classList.toggle("crowded", crowded);
  function path(d, fill, className) {
    var made = document.createElementNS(SVG, "path");
    made.setAttribute("d", d);
    made.setAttribute("fill", fill);
    made.setAttribute("class", className);
    return made;
  }
  function draw() {
    var marks = {}, extents = {};
    view.forEach(function (index) {
      var row = rows[index], place = data.places[index], number = data.labels.indexOf(row[1]);
      var key = number + " " + (judged && row[2] ? row[2] : "");
      var form = FORMS[number % FORMS.length];
      var x = Math.round((place[0] + place[2] / 2) * 10) / 10, y = Math.round((place[1] + place[3] / 2) * 10) / 10;
      (marks[key] = marks[key] || []).push(form(x, y, radius));
      if (Math.max(place[2], place[3]) > 3 * radius) {
        (extents[number] = extents[number] || []).push("M" + place[0] + " " + place[1] + "h" + place[2] + "v" + place[3] + "h" + -place[2] + "z");
      }
    });
    drawn.replaceChildren();
    Object.keys(extents).forEach(function (number) {
      var made = path(extents[number].join(""), data.colours[number], "extent");
      made.setAttribute("stroke", data.colours[number]);
      drawn.appendChild(made);
    });
    Object.keys(marks).sort(function (one, two) { // rejected ones on top
      return data.outcomes.indexOf(two.split(" ")[1]) - data.outcomes.indexOf(one.split(" ")[1]);
    }).forEach(function (key) {
      var parts = key.split(" ");
      drawn.appendChild(path(marks[key].join(""), data.colours[parts[0]], "mark " + parts[1]));
    });
  }
  data.labels.forEach(function (label, number) {
    var entry = element("span", ""), icon = document.createElementNS(SVG, "svg");
    icon.setAttribute("width", 14);
    icon.setAttribute("height", 14);
    icon.setAttribute("aria-hidden", "true");
    icon.style.width = "14px";
    icon.appendChild(path(FORMS[number % FORMS.length](7, 7, 5), data.colours[number], "mark"));
    entry.append(icon, label);
    byId("keys").appendChild(entry);
  });
  if (judged) { byId("keys").appendChild(element("span", "thick outline: reject")); }
  // Marks share paths, so keys have one element, which lies on the mark in turn and is the map's only tab stop.
  var spot = null, spotted = -1, chosen = -1, orders = null;
  function middle(index) {
    var place = data.places[index];
    return [place[0] + place[2] / 2, place[1] + place[3] / 2];
  }
  function told(index) {
    return columns.slice(1).map(function (column, place) {
      var value = cell(rows[index], place + 1).textContent;
      return value && (column.kind === "number" ? column.name + " " + value : value);
    }).filter(Boolean).join(", ");
  }
  function stand(index, focused) {
    var made = null;
    if (index >= 0) {
      made = document.createElementNS(SVG, "g");
      made.setAttribute("class", index === chosen ? "spot picked" : "spot");
      made.setAttribute("tabindex", "0");
      made.setAttribute("role", "button");
      made.setAttribute("aria-label", data.names[rows[index][0] - 1] + ": " + told(index));
      ["halo", "ring"].forEach(function (name) {
        var circle = document.createElementNS(SVG, "circle"), at = middle(index);
        circle.setAttribute("class", name);
        circle.setAttribute("cx", at[0]);
        circle.setAttribute("cy", at[1]);
        circle.setAttribute("r", radius + 6);
        made.appendChild(circle);
      });
      byId("marks").appendChild(made); // before the old one goes, so that the focus is never lost
      if (focused) { made.focus({ preventScroll: true }); }
    }
    if (spot) { spot.remove(); }
    spot = made;
    spotted = index;
  }
  function renew() {
    orders = null;
    stand(view.indexOf(spotted) >= 0 ? spotted : view.length ? view[0] : -1, false);
  }
  function ordered(axis) { // all marks from left to right, or from top to bottom
    orders = orders || {};
    orders[axis] = orders[axis] || view.slice().sort(function (one, two) {
      var a = middle(one), b = middle(two);
      return a[axis] - b[axis] || a[1 - axis] - b[1 - axis] || one - two;
    });
    return orders[axis];
  }
  var STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, -1], ArrowDown: [1, 1], Home: [0, -Infinity], End: [0, Infinity] };
  function pick(index) {
    var said = byId("picked");
    said.textContent = "";
    said.append.apply(said, Array.from(cell(rows[index], 0).childNodes));
    said.append(": " + told(index));
    spot.classList.add("picked");
    chosen = index;
  }
  byId("marks").addEventListener("click", function (event) {
    if (!event.detail && spot && spot.contains(event.target)) { pick(spotted); return; } // asked for by a screen reader
    var matrix = this.getScreenCTM().inverse(), at = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    var nearest = -1, least = 15;
    view.forEach(function (index) {
      var middles = middle(index), away = Math.hypot(middles[0] - at.x, middles[1] - at.y);
      if (away < least) { least = away; nearest = index; }
    });
    if (nearest < 0) { byId("picked").textContent = "No mark there."; return; }
    stand(nearest, true);
    pick(nearest);
  });
  byId("marks").addEventListener("keydown", function (event) {
    if (event.target !== spot || event.ctrlKey || event.metaKey || event.altKey) { return; }
    var step = STEPS[event.key];
    if (step) {
      var line = ordered(step[0]), to = line.indexOf(spotted) + step[1];
      stand(line[Math.max(0, Math.min(line.length - 1, to))], true);
    } else if (event.key === "Enter" || event.key === " ") {
      pick(spotted);
    } else { return; }
    event.preventDefault();
  });

  addEventListener("beforeprint", function () {
    first = 0;
    show(PRINTED);
    byId("printed").textContent = "Printed: " + (view.length > PRINTED ? "the first " + PRINTED.toLocaleString("en") + " of " : "all ")
      + view.length.toLocaleString("en") + " defects that the filter leaves. results.csv has every defect.";
  });
  addEventListener("afterprint", function () { show(PAGE); });

  sort(judged ? 2 : SIZE, !judged);
  document.documentElement.dataset.ready = Math.round(performance.now());
})();
