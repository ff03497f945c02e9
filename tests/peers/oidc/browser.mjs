// As much of a browser as signing in takes: cookies by origin, redirects one at a time, forms.

export class Browser {
  #cookies = new Map();

  async #fetch(url, options = {}) {
    const { origin } = new URL(url);
    const jar = this.#cookies.get(origin) ?? new Map();
    this.#cookies.set(origin, jar);
    const headers = new Headers(options.headers);
    if (jar.size > 0) {
      headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    }
    const response = await fetch(url, { ...options, headers, redirect: "manual" });
    for (const cookie of response.headers.getSetCookie()) {
      const [pair, ...attributes] = cookie.split(";");
      const [name, ...value] = pair.split("=");
      const isOver = attributes.some((attribute) => {
        const [key, time] = attribute.trim().split("=");
        return (key.toLowerCase() === "max-age" && Number(time) <= 0)
          || (key.toLowerCase() === "expires" && Date.parse(time) <= Date.now());
      });
      if (isOver) jar.delete(name);
      else jar.set(name, value.join("="));
    }
    return response;
  }

  // Follows redirects until a page comes, or until one leads to `stop`.
  async open(url, options, stop) {
    let response = await this.#fetch(url, options);
    for (let hops = 0; response.status >= 300 && response.status < 400; hops += 1) {
      if (hops > 20) throw new Error(`too many redirects at ${url}`);
      url = new URL(response.headers.get("location"), url).href;
      if (stop && url.startsWith(stop)) return { url, response: null };
      response = await this.#fetch(url);
    }
    return { url, response };
  }

  // Goes through the pages of the provider, typing a name and consenting, until it is sent elsewhere.
  async signIn(url, issuer, login, stop) {
    let page = await this.open(url, undefined, stop);
    for (let pages = 0; page.response && page.url.startsWith(`${issuer}/interaction/`); pages += 1) {
      if (pages > 5) throw new Error("the provider asks for ever");
      const html = await page.response.text();
      const action = html.match(/<form[^>]* action="([^"]+)"/)?.[1] ?? page.url;
      const prompt = html.match(/name="prompt" value="([^"]+)"/)?.[1];
      if (!prompt) throw new Error(`no form at ${page.url}: ${html}`);
      const form = new URLSearchParams({ prompt });
      if (prompt === "login") {
        form.set("login", login);
        form.set("password", "anything");
      }
      page = await this.open(new URL(action, page.url).href, { method: "POST", body: form }, stop);
    }
    return page;
  }
}
