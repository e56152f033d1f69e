// Draw formulas as browsers do, into an image folder that `im2latex build --dataset` reads.
//
//   npm install katex puppeteer-core && node browser.mjs FORMULAS.tsv OUTPUT [COUNT]
//
// FORMULAS.tsv has a column `formula`. Each page draws a few hundred of them with one typeface,
// pixel ratio, font size and colours: KaTeX's own HTML, or its MathML with an OpenType font.
// Needs Debian's chromium, fonts-texgyre-math, fonts-lmodern, fonts-stix, fonts-oflb-asana-math,
// fonts-noto-core, fonts-dejavu and texlive-fonts-extra; fonts that are not there are left out.

import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(path.join(process.cwd(), 'package.json'))
const katex = require('katex')
const puppeteer = require('puppeteer-core')

const PAGE = 250
const WIDEST = 1100
const TREES = ['/usr/share/texlive/texmf-dist/fonts', '/usr/share/texmf/fonts', '/usr/share/fonts']
const FILES = {
  'fira-math': 'FiraMath-Regular.otf', libertinus: 'LibertinusMath-Regular.otf', 'stix-two': 'STIXTwoMath-Regular.otf',
  garamond: 'Garamond-Math.otf', xits: 'XITSMath-Regular.otf', erewhon: 'Erewhon-Math.otf', 'gfs-neohellenic': 'GFSNeohellenicMath.otf',
  pagella: 'texgyrepagella-math.otf', termes: 'texgyretermes-math.otf', bonum: 'texgyrebonum-math.otf', schola: 'texgyreschola-math.otf',
  'dejavu-math': 'texgyredejavu-math.otf', asana: 'Asana-Math.otf', 'latin-modern': 'latinmodern-math.otf', kpmath: 'KpMath-Regular.otf',
  'xcharter-math': 'XCharter-Math.otf', 'noto-math': 'NotoSansMath-Regular.ttf', concrete: 'Concrete-Math.otf', euler: 'Euler-Math.otf',
}
const FAMILIES = { 'noto-sans': 'Noto Sans', 'dejavu-sans': 'DejaVu Sans', 'noto-serif': 'Noto Serif', 'dejavu-serif': 'DejaVu Serif' }
const COLOURS = [['#000', '#fff'], ['#000', '#fff'], ['#000', '#fff'], ['#24292f', '#fff'], ['#222', '#fffff8'], ['#1a3c8b', '#fff'],
  ['#e6edf3', '#0d1117'], ['#ddd', '#202124'], ['#333', '#f6f8fa'], ['#8b1a1a', '#fff'], ['#fff', '#1e3a5f'], ['#555', '#fff']]

let state = 12345
const random = () => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32
const pick = list => list[Math.floor(random() * list.length)]

function find (name, folders = TREES) {
  for (const folder of folders) {
    if (!fs.existsSync(folder)) continue
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const full = path.join(folder, entry.name)
      if (entry.isDirectory()) { const found = find(name, [full]); if (found) return found } else if (entry.name.toLowerCase() === name.toLowerCase()) return full
    }
  }
  return null
}

function looks () {
  const html = Array(6).fill({ name: 'katex', css: '' })
  const faces = Object.entries(FILES).map(([name, file]) => [name, find(file)]).filter(([, file]) => file)
    .map(([name, file]) => ({ name, css: `@font-face{font-family:F;src:url("${pathToFileURL(file)}")} math{font-family:F}` }))
  const families = Object.entries(FAMILIES).map(([name, family]) => ({ name, css: `math{font-family:"${family}"}` }))
  return [...html, ...faces, ...families]
}

function drawn (formula, look) {
  try {
    const options = { displayMode: true, throwOnError: true, strict: 'ignore', output: look.name === 'katex' ? 'html' : 'mathml' }
    const markup = katex.renderToString(formula, options)
    // the source that KaTeX adds for accessibility is not drawn
    return markup.replace(/<annotation[\s\S]*?<\/annotation>/g, '')
  } catch { return null }
}

const [table, output, count = '10000'] = process.argv.slice(2)
const [head, ...lines] = fs.readFileSync(table, 'utf8').split('\n')
const column = head.split('\t').indexOf('formula')
const formulas = lines.filter(Boolean).map(line => line.split('\t')[column]).slice(0, Number(count))
fs.mkdirSync(output, { recursive: true })
const metadata = fs.createWriteStream(path.join(output, 'metadata.jsonl'))
const browser = await puppeteer.launch({
  executablePath: '/usr/bin/chromium', protocolTimeout: 600000,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--allow-file-access-from-files'],
})
const page = await browser.newPage()
const katexCss = pathToFileURL(require.resolve('katex/dist/katex.min.css'))
const choices = looks()
let number = 0
const began = Date.now()
for (let start = 0; start < formulas.length; start += PAGE) {
  const look = choices[(start / PAGE) % choices.length]
  const ratio = pick([1, 1, 1, 1.25, 1.5, 2, 2, 3])
  const size = Math.round(10 + 16 * random() ** 1.5)
  const [ink, paper] = pick(COLOURS)
  const chunk = formulas.slice(start, start + PAGE)
  const cells = chunk.map((formula, index) => { const markup = drawn(formula, look); return markup && `<div class=row><span class=cell id=f${index}>${markup}</span></div>` })
  const file = path.resolve(output, 'page.html')
  fs.writeFileSync(file, `<!doctype html><meta charset=utf-8><link rel=stylesheet href="${katexCss}"><style>${look.css}
    body{margin:0;background:${paper};color:${ink};font-size:${size}px;width:6000px}.row{padding:6px}.cell{display:inline-block;padding:4px}
    .katex-display{margin:0!important;text-align:left!important}.katex-display>.katex{text-align:left!important}.katex-display>.katex>.katex-html{padding:0!important}
    math{display:inline-block math!important}</style>${cells.filter(Boolean).join('\n')}`)
  await page.setViewport({ width: 1200, height: 800, deviceScaleFactor: ratio })
  await page.goto(pathToFileURL(file).href)
  await page.evaluate(() => document.fonts.ready.then(() => true))
  const boxes = await page.evaluate(n => Array.from({ length: n }, (_, i) => {
    const cell = document.getElementById('f' + i)
    if (!cell) return null
    const error = cell.querySelector('.katex-error,merror')
    const box = cell.getBoundingClientRect()
    return error ? null : [box.x, box.y + scrollY, box.width, box.height]
  }), chunk.length)
  for (const [index, box] of boxes.entries()) {
    if (!box || box[2] > WIDEST || box[3] > 500 || box[2] < 2) continue
    const margin = 4 * random()
    const clip = { x: Math.max(0, box[0] - margin), y: Math.max(0, box[1] - margin), width: box[2] + 2 * margin, height: box[3] + 2 * margin }
    const name = `${String(number++).padStart(6, '0')}.png`
    await page.screenshot({ path: path.join(output, name), clip, captureBeyondViewport: true, optimizeForSpeed: true })
    metadata.write(JSON.stringify({ file_name: name, formula: chunk[index], look: look.name, size, ratio }) + '\n')
  }
  process.stderr.write(`\r${number} pictures, ${(1000 * number / (Date.now() - began)).toFixed(0)}/s `)
}
metadata.end()
await browser.close()
fs.rmSync(path.resolve(output, 'page.html'))
