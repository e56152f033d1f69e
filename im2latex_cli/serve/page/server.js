// Requests to the server.

/** What the server answered instead: a sentence to show. */
export class Failure extends Error {
  constructor({ code, message, hint }) {
    super([message, hint].filter(Boolean).join(" "));
    this.code = code;
  }
}

/** The response to a request; throws a Failure, or an AbortError if its signal says so. */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failure({ code: "gone", message: "The server does not answer." });
  }
  if (response.ok) return response;
  throw new Failure((await response.json()).error);
}

function sending(file, signal) {
  const headers = { "Content-Type": file.type || "application/octet-stream" };
  return { method: "POST", body: file, headers, signal };
}

/** Read a file that is a picture of one formula. */
export async function predict(file, signal) {
  const path = "predict?svg=true&attention=true&formats=true";
  return (await ask(path, sending(file, signal))).json();
}

/** A PDF or a picture on the server; if the server has deleted it, it is sent again. */
export class ServerDocument {
  constructor(file, about) {
    this.file = file;
    this.about = about;
  }

  static async open(file, signal) {
    const response = await ask("documents", sending(file, signal));
    return new ServerDocument(file, await response.json());
  }

  get pages() { return this.about.pages; }

  get unit() { return this.about.unit; }

  get isPdf() { return this.about.unit === "pt"; }

  async page(number, signal) {
    return (await this.#ask(`pages/${number}`, signal)).json();
  }

  async picture(number, signal) {
    return (await this.#ask(`pages/${number}/picture`, signal)).blob();
  }

  async formula(page, number, wanted, signal) {
    return (await this.#ask(`pages/${page}/formulas/${number}?${wanted}`, signal)).json();
  }

  async part(page, box, wanted, signal) {
    const sides = box.map((side) => side.toFixed(2)).join(",");
    return (await this.#ask(`pages/${page}/part?box=${sides}&${wanted}`, signal)).json();
  }

  delete() {
    fetch(`documents/${this.about.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  async #ask(path, signal) {
    const asking = () => ask(`documents/${this.about.id}/${path}`, { signal });
    try {
      return await asking();
    } catch (error) {
      if (error.code !== "no-document") throw error;
    }
    await this.#sendAgain(signal);
    return asking();
  }

  /** Once for all requests that miss the document at the same time. */
  async #sendAgain(signal) {
    this.again ||= ServerDocument.open(this.file, signal).finally(() => { this.again = null; });
    this.about = (await this.again).about;
  }
}
