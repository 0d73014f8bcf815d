// The server's answers. Every address is relative to the page, so its token is nowhere in the code. What goes wrong is a
// ServerError with a sentence; `stale` says that the page is behind what the set is by now.

export class ServerError extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
    this.stale = status === 409;
  }
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, { cache: "no-store", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError(
      0,
      "The server does not answer. Start `prep review` again, and open the address that it prints.",
    );
  }
  let body = null;
  try {
    body = await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (answer.ok) throw new ServerError(answer.status, "The server's answer cannot be read. Load the page again.");
  }
  if (!answer.ok) throw new ServerError(answer.status, sentence(body, answer.status));
  return body;
}

function sentence(body, status) {
  if (body && typeof body.detail === "string") return body.detail;
  return `The server answered ${status}. Load the page again.`;
}

export function get(address, query = {}, signal = undefined) {
  const text = new URLSearchParams(query).toString();
  return ask(text ? `${address}?${text}` : address, { signal });
}

export function post(address, body = {}) {
  return ask(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

export const thumbOf = (id) => `thumb/${encodeURIComponent(id)}`;
export const imageOf = (id) => `image/${encodeURIComponent(id)}`;
