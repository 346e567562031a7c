// A scripted model: the true wire format over real HTTP, on loopback. It answers by the conversation alone, so that a request that
// is repeated gets the same answer. A script is a list of answers; `pause` is the time between words, ms; `endless` repeats them
// until the test lets go, so that nothing depends on how fast a machine is.
import { createServer } from "node:http";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Starts it; `script(messages)` gives `{text, calls, pause, reasoning, hang, endless}`. */
export async function model(script) {
  let free = false;
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const { messages = [] } = body ? JSON.parse(body) : {};
    const { text = "", calls = [], pause = 0, reasoning = "", hang = false, endless = "" } = script(messages);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (delta, finish = null) =>
      response.write(`data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", model: "scripted", choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
    if (reasoning) send({ reasoning_content: reasoning });
    for (const word of text.split(/(?<= )/)) {
      if (word) send({ content: word });
      if (pause > 0) await sleep(pause);
    }
    for (let n = 0; endless && !free && !request.socket.destroyed; n++) {
      send({ content: `${endless}${n} ` });
      await sleep(120);
    }
    if (endless) send({ content: "and that is the end." });
    if (hang) return void request.socket.on("close", () => response.end());
    for (const [index, [tool, args]] of calls.entries()) {
      send({ tool_calls: [{ index, id: `call_${index}`, type: "function", function: { name: tool, arguments: JSON.stringify(args) } }] });
    }
    send({}, calls.length > 0 ? "tool_calls" : "stop");
    const size = Math.round(body.length / 4);
    response.write(`data: ${JSON.stringify({ id: "c1", choices: [], usage: { prompt_tokens: size, completion_tokens: 40, prompt_tokens_details: { cached_tokens: Math.round(size * 0.7) } } })}\n\n`);
    response.end("data: [DONE]\n\n");
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/v1`, close: () => server.close(), release: () => (free = true) };
}

/** The text of the newest message of a person, and how many answers came after it. */
export function turn(messages) {
  const text = (m) => (typeof m.content === "string" ? m.content : (m.content ?? []).map((p) => p.text ?? "").join(""));
  let last = -1;
  for (const [i, m] of messages.entries()) if (m.role === "user") last = i;
  return { said: last < 0 ? "" : text(messages[last]), answers: messages.slice(last + 1).filter((m) => m.role === "assistant").length };
}
