// Reads a JSON list of Mermaid texts and writes, for each, what the real Mermaid found in it:
// {"error": "…"}, or {"type", "title", "config", "links", "tasks": [{"id", "section", "name",
// "start", "end", "tags"}]}, with times in seconds since 1970 by the clock that the text speaks of.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// Mermaid cleans texts with DOMPurify, which needs a window.
const { window } = new JSDOM("<!DOCTYPE html>");
globalThis.window = window;
globalThis.document = window.document;

const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });

// Mermaid reads the times as those of this machine's time zone.
const seconds = (date) => (date.getTime() - date.getTimezoneOffset() * 60_000) / 1000;

// Mermaid keeps "#35;" in a form of its own until it has drawn the picture, where it is "#".
const read = (text) => {
  const element = document.createElement("textarea");
  element.innerHTML = text.replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";");
  return element.value;
};

const describe = (task) => ({
  id: task.id,
  section: read(task.section),
  name: read(task.task),
  start: seconds(task.startTime),
  end: seconds(task.endTime),
  tags: ["active", "crit", "done", "milestone"].filter((tag) => task[tag]),
});

async function check(text) {
  try {
    const { diagramType, config } = await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const limit = mermaid.mermaidAPI.getConfig().maxTextSize;
    if (text.length > limit) throw new Error(`The text is longer than ${limit} characters`);
    return {
      type: diagramType,
      title: read(db.getDiagramTitle()),
      config,
      links: Object.fromEntries(db.getLinks?.() ?? []),
      tasks: (db.getTasks?.() ?? []).map(describe),
    };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  }
}

const found = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) found.push(await check(text));
process.stdout.write(JSON.stringify(found));
