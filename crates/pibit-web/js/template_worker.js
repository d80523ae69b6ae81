// Renders chat templates. In a worker of its own, which can be ended: templates come with models and may never end.
import { Template } from './vendor/jinja.js';

// Without the date, as on the command line: the same conversation shall be the same text on every day.
const NO_DATE = '{% set strftime_now = undefined %}\n';

onmessage = ({ data: { template, context } }) => {
  try {
    postMessage({ text: new Template(NO_DATE + template).render(context) });
  } catch (error) {
    postMessage({ error: String(error?.message ?? error) });
  }
};
