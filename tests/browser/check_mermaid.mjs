// Reads a JSON list of Mermaid texts, and writes for each what the real Mermaid parsed:
// {"error": "…"}, or {"type", "title", "config", "links", "tasks": [{"id", "section", "name",
// "start", "end", "tags"}], "nodes": [{"id", "label", "classes", "link"}], "edges": [[start, end,
// stroke]]}. Times are in seconds since 1970, in the time zone of the text.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

// Mermaid cleans texts with DOMPurify, which needs a window.
const { window } = new JSDOM("<!DOCTYPE html>");
globalThis.window = window;
globalThis.document = window.document;

const { default: mermaid } = await import("mermaid");
mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });

// Mermaid parses times in the time zone of this machine.
const seconds = (date) => (date.getTime() - date.getTimezoneOffset() * 60_000) / 1000;

// Until it renders the diagram, Mermaid keeps "#35;" (the character "#") in an internal form.
const decode = (text) => {
  const element = document.createElement("textarea");
  element.innerHTML = text.replace(/ﬂ°°/g, "&#").replace(/ﬂ°/g, "&").replace(/¶ß/g, ";");
  return element.value;
};

const describe = (task) => ({
  id: task.id,
  section: decode(task.section),
  name: decode(task.task),
  start: seconds(task.startTime),
  end: seconds(task.endTime),
  tags: ["active", "crit", "done", "milestone"].filter((tag) => task[tag]),
});

const describeNode = (node) => ({
  id: node.id,
  label: decode(node.text ?? ""),
  classes: node.classes,
  link: node.link ?? "",
});

async function check(text) {
  try {
    const { diagramType, config } = await mermaid.parse(text);
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    const limit = mermaid.mermaidAPI.getConfig().maxTextSize;
    if (text.length > limit) throw new Error(`The text is longer than ${limit} characters`);
    return {
      type: diagramType,
      title: decode(db.getDiagramTitle()),
      config,
      links: Object.fromEntries(db.getLinks?.() ?? []),
      tasks: (db.getTasks?.() ?? []).map(describe),
      nodes: [...(db.getVertices?.() ?? new Map()).values()].map(describeNode),
      edges: (db.getEdges?.() ?? []).map((edge) => [edge.start, edge.end, edge.stroke]),
    };
  } catch (error) {
    return { error: String(error?.message ?? error) };
  }
}

const results = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) results.push(await check(text));
process.stdout.write(JSON.stringify(results));
