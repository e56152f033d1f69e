// Reads lines of {"id": ..., "latex": ...}; writes {"id", "mathjax", "katex"}: an error, or null.
// node check_katex.js NODE_MODULES. MathJax is a default page's `input/tex` with its autoloading;
// only `noundefined` is off, which would paint unknown words red instead of telling.
const {join, resolve} = require("node:path");
const {createInterface} = require("node:readline");

const modules = resolve(process.argv[2]);
const katex = require(join(modules, "katex"));
const start = require(join(modules, "mathjax-full/es5/node-main.js")).init({
  loader: {load: ["input/tex", "adaptors/liteDOM"]},
  tex: {packages: {"[-]": ["noundefined"]}},
});

function inKatex(latex) {
  try {
    katex.renderToString(latex, {displayMode: true, throwOnError: true, strict: "ignore"});
    return null;
  } catch (error) {
    return error.message.replace(/^KaTeX parse error: /, "").replace(/ at position[^]*/, "");
  }
}

async function inMathJax(MathJax, latex) {
  try {
    const drawn = await MathJax.tex2mmlPromise(latex, {display: true});
    const error = drawn.match(/<merror data-mjx-error="([^"]*)"/);
    const raw = drawn.match(/<mtext[^>]*>[^<]*(\\(?:[A-Za-z]+|[^{}])|~)/);
    return error ? error[1] : raw && `Shown as it is, in text: ${raw[1]}`;
  } catch (error) {
    return String(error.message);
  }
}

(async () => {
  const MathJax = await start;
  for await (const line of createInterface({input: process.stdin})) {
    const {id, latex} = JSON.parse(line);
    const told = {id, mathjax: await inMathJax(MathJax, latex), katex: inKatex(latex)};
    process.stdout.write(JSON.stringify(told) + "\n");
  }
})();
