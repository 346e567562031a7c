// The event types of the interface, from the JSON Schema of the events: `npm run types` writes them, a test compares them.
// It knows the few keywords that schema uses and refuses others, so that nothing is silently typed as `unknown`.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
export const SCHEMA = here("../../../../fixtures/events/schema.json");
export const TYPES = here("../src/events/types.ts");

const known = new Set([
  "$ref", "type", "enum", "const", "anyOf", "properties", "required", "items", "description", "minimum", "maximum",
  "minItems", "maxItems", "default", "examples", "additionalProperties", "format", "pattern", "maxLength", "minLength",
]);

const name = (ref) => ref.split("/").at(-1);
const doc = (schema, pad) => (schema.description ? `${pad}/** ${schema.description.replaceAll("*/", "* /")} */\n` : "");

function fields(schema, pad) {
  const required = new Set(schema.required ?? []);
  const lines = Object.entries(schema.properties ?? {}).map(([key, value]) => {
    const word = /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
    return `${doc(value, `${pad}  `)}${pad}  ${word}${required.has(key) ? "" : "?"}: ${type(value, `${pad}  `)};\n`;
  });
  return lines.length ? `{\n${lines.join("")}${pad}}` : "Record<string, never>";
}

function type(schema, pad = "") {
  for (const key of Object.keys(schema)) if (!known.has(key)) throw new Error(`keyword '${key}' is not understood`);
  if (schema.$ref) return name(schema.$ref);
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(" | ");
  if (schema.anyOf) {
    // `"a" | "b" | string` is `string` to the compiler; this keeps the known words for the editor.
    const open = schema.anyOf.some((s) => s.type === "string" && !s.enum);
    const parts = schema.anyOf.filter((s) => !(open && s.type === "string" && !s.enum)).map((s) => type(s, pad));
    return [...parts, ...(open ? ["(string & {})"] : [])].join(" | ");
  }
  switch (schema.type) {
    case "string": return "string";
    case "integer":
    case "number": return "number";
    case "boolean": return "boolean";
    case "array": return `${/[ |{]/.test(type(schema.items, pad)) ? `(${type(schema.items, pad)})` : type(schema.items, pad)}[]`;
    case "object": return fields(schema, pad);
    case undefined: return "unknown";
    default: throw new Error(`type '${schema.type}' is not understood`);
  }
}

/** The whole file. */
export function render(schema) {
  const types = schema.properties.type.examples;
  const data = new Map();
  for (const rule of schema.allOf) {
    const at = rule.if.properties.type;
    const of = rule.then.properties?.data;
    for (const t of at.enum ?? [at.const]) if (of) data.set(t, type(of, "  "));
  }
  let out = "// Made from fixtures/events/schema.json by `npm run types`; do not edit. It knows shapes and nothing of their meaning.\n\n";
  for (const [key, value] of Object.entries(schema.$defs)) {
    const shape = type(value);
    out += doc(value, "");
    out += /^\{[^]*\}$/.test(shape) && !value.anyOf ? `export interface ${key} ${shape}\n\n` : `export type ${key} = ${shape};\n\n`;
  }
  out += "/** The payload of each type; a type that is not here is kept and shown as it is. */\nexport interface Data {\n";
  for (const t of types) out += `  ${JSON.stringify(t)}: ${data.get(t) ?? "unknown"};\n`;
  out += "}\n\n/** Every type that this version knows. */\nexport type Type = keyof Data;\n\n";
  out += `/** Their names. */\nexport const TYPES: readonly Type[] = [\n${types.map((t) => `  ${JSON.stringify(t)},\n`).join("")}];\n\n`;
  const { type: _, data: __, ...rest } = schema.properties;
  out += `/** What stands around every payload. */\nexport interface Envelope ${fields({ ...schema, properties: rest }, "")}\n\n`;
  out += "/** One line of the log, of a type this version knows. */\n";
  out += "export type Known = { [T in Type]: Envelope & { type: T; data: Data[T] } }[Type];\n\n";
  out += "/** One line of the log. */\nexport type Event = Envelope & { type: string; data?: unknown };\n\n";
  out += "/** Whether a line is of a type. */\n";
  out += "export function is<T extends Type>(event: Event, type: T): event is Envelope & { type: T; data: Data[T] } {\n";
  out += "  return event.type === type;\n}\n";
  return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TYPES, render(JSON.parse(readFileSync(SCHEMA, "utf8"))));
