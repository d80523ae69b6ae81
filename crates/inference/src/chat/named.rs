//! Templates that can be asked for by name, for models whose files have none.

/// Names and templates. Models were trained on exactly such text, so each is that of the family's own files.
pub(super) const TEMPLATES: [(&str, &str); 3] = [("chatml", CHATML), ("llama3", LLAMA3), ("gemma", GEMMA)];

const CHATML: &str = "\
{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const LLAMA3: &str = "\
{{ bos_token }}{% for message in messages %}\
{{ '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' + message.content | trim + '<|eot_id|>' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";

/// Gemma has no role for the system: what it says comes before the user's first words.
const GEMMA: &str = "\
{{ bos_token }}{% set first = '' %}\
{% if messages and messages[0].role == 'system' %}\
{% set first = messages[0].content | trim + '\n\n' %}{% set messages = messages[1:] %}{% endif %}\
{% for message in messages %}{% set role = 'model' if message.role == 'assistant' else message.role %}\
{{ '<start_of_turn>' + role + '\n' + (first if loop.first else '') + message.content | trim + '<end_of_turn>\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}";
