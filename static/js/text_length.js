// How long a text message is: counts as campaigns/content/text_length.py does, while one writes. Fields count as written.
const basic = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const extended = new Set("\f^{}\\[~]|€");
const measured = (text) => {
  const letters = [...text];
  const gsm = letters.every((one) => basic.has(one) || extended.has(one));
  const sizes = letters.map((one) => 1 + Number(gsm ? extended.has(one) : one.codePointAt(0) > 0xffff));
  const places = sizes.reduce((sum, one) => sum + one, 0);
  const [alone, each] = gsm ? [160, 153] : [70, 67];
  if (places <= alone) return { alphabet: gsm ? "GSM-7" : "UCS-2", places, most: alone, parts: 1 };
  let parts = 1, used = 0;
  for (const one of sizes) {
    if (used + one > each) { parts += 1; used = 0; }
    used += one;
  }
  return { alphabet: gsm ? "GSM-7" : "UCS-2", places, most: parts * each, parts };
};
const show = (output) => {
  const form = output.closest("form");
  const channel = form.elements.channel;
  const field = form.elements[output.dataset.textLength];
  output.hidden = Boolean(channel && channel.value !== "sms") || !field.value;
  if (output.hidden) return;
  const found = measured(field.value.replaceAll("\r\n", "\n").replace(/https?:\/\/[^\s<>"]*[^\s<>".,;:!?)\]]/gi, output.dataset.link));
  output.textContent = output.dataset.words.replace(/{(\w+)}/g, (_, name) => found[name]);
};
const all = () => document.querySelectorAll("[data-text-length]").forEach(show);
document.addEventListener("input", all);
document.addEventListener("change", all);
all();
