//! Chat templates by minijinja.

use super::named::TEMPLATES;
use super::{ChatSource, dialect, python_json, special_token};
use crate::InferenceError;
use domain_types::Metadata;
use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;

/// Steps a template may take; real ones need a few hundred per message.
const FUEL: u64 = 10_000_000;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    role: String,
    content: String,
}

impl ChatMessage {
    /// A message of any role that the model's template knows.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }

    /// A message of role `system`.
    pub fn system(content: impl Into<String>) -> Self {
        Self::new("system", content)
    }

    /// A message of role `user`.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }

    /// A message of role `assistant`.
    pub fn assistant(content: impl Into<String>) -> Self {
        Self::new("assistant", content)
    }
}

/// A chat template in the Jinja dialect that Hugging Face uses.
///
/// Templates come with models, so they are untrusted: they run in a sandbox without input or output and with a limit
/// on steps.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: String,
    eos: String,
}

impl ChatTemplate {
    /// The template in a model's metadata; [`InferenceError::NoChatTemplate`] where it has none.
    pub fn from_metadata(metadata: &Metadata) -> Result<Self, InferenceError> {
        let ChatSource { template, bos, eos } = ChatSource::from_metadata(metadata)?;
        Self::new(&template, bos, eos)
    }

    /// A template from its source and the texts of the tokens that start and end a sequence (empty for none).
    pub fn new(source: &str, bos: impl Into<String>, eos: impl Into<String>) -> Result<Self, InferenceError> {
        let mut environment = Environment::new();
        environment.set_trim_blocks(true);
        environment.set_lstrip_blocks(true);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_filter("tojson", python_json::tojson);
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        environment.add_function("strftime_now", dialect::strftime_now);
        environment.add_template_owned("chat", dialect::without_generation(source))?;
        Ok(Self { environment, bos: bos.into(), eos: eos.into() })
    }

    /// Names of the templates that are there without a model's file: `chatml`, `llama3`, `gemma`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TEMPLATES.iter().map(|(name, _)| *name)
    }

    /// The template of this name with a model's tokens, for models without one of their own that were trained on it;
    /// `None` for names that there are not.
    pub fn named(name: &str, metadata: &Metadata) -> Option<Result<Self, InferenceError>> {
        let (_, template) = TEMPLATES.iter().find(|(known, _)| *known == name)?;
        Some(Self::with_tokens_of(template, metadata))
    }

    /// A template from its source, with a model's tokens.
    pub fn with_tokens_of(source: &str, metadata: &Metadata) -> Result<Self, InferenceError> {
        let token = |which: &str| special_token(metadata, which).unwrap_or_default();
        Self::new(source, token("bos"), token("eos"))
    }

    /// The text of a conversation; with `add_generation_prompt` it ends where the assistant's answer begins.
    ///
    /// Encode it with `parse_special`. Users' text can then imitate control tokens, as with every tool that renders
    /// templates to text.
    pub fn render(
        &self,
        messages: &[ChatMessage],
        add_generation_prompt: bool,
    ) -> Result<String, InferenceError> {
        // `none` rather than undefined, as Hugging Face's renderer passes them: templates test for it.
        let nothing = Option::<()>::None;
        Ok(self.environment.get_template("chat")?.render(context! {
            messages,
            add_generation_prompt,
            bos_token => self.bos,
            eos_token => self.eos,
            tools => nothing,
            documents => nothing,
        })?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::TEMPLATE_KEY;
    use super::*;

    /// SmolLM2-Instruct's own.
    const SMOLLM2: &str = "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    #[test]
    fn a_model_s_own_template_renders_as_in_hugging_face() {
        let mut metadata = Metadata::new();
        metadata.set(TEMPLATE_KEY, SMOLLM2);
        let template = ChatTemplate::from_metadata(&metadata).unwrap();
        let text = template.render(&[ChatMessage::user("Hi")], true).unwrap();
        assert_eq!(
            text,
            "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n\
             <|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn chatml_is_there_when_asked_for() {
        let messages = [ChatMessage::system("S"), ChatMessage::user("U"), ChatMessage::assistant("A")];
        let chatml = ChatTemplate::named("chatml", &Metadata::new()).unwrap().unwrap();
        let text = chatml.render(&messages, false).unwrap();
        assert_eq!(
            text,
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nU<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
        );
        let missing = ChatTemplate::from_metadata(&Metadata::new());
        assert!(matches!(missing, Err(InferenceError::NoChatTemplate)));
    }

    #[test]
    fn what_real_templates_use_is_there() {
        // Blocks on lines of their own, namespaces, Python's string methods and slices, tojson, a test for a function.
        let source = "{%- set ns = namespace(last='') -%}\n\
             {% for m in messages[1:] %}\n  {% if m.role == 'tool' %}{% continue %}{% endif %}\n\
             {% set ns.last = m.content.split('</think>')[-1].strip() %}\n{% endfor %}\n\
             {{ bos_token }}{{ ns.last }} {{ messages[0]['content'].startswith('a') }} {{ [messages[0], 1]|tojson }}\
             {%- if tools is none and strftime_now is defined %} ok{% endif %}";
        let template = ChatTemplate::new(source, "<s>", "</s>").unwrap();
        let messages =
            [ChatMessage::user("a<é"), ChatMessage::assistant("x</think> y "), ChatMessage::new("tool", "z")];
        let text = template.render(&messages, false).unwrap();
        assert_eq!(text, "<s>y True [{\"role\": \"user\", \"content\": \"a<é\"}, 1] ok");
    }

    /// Right sides are Python's.
    #[test]
    fn tojson_is_json_dumps() {
        let cases = [
            ("{'b': 1, 'a': [true, none, 1.5]}|tojson", r#"{"b": 1, "a": [true, null, 1.5]}"#),
            ("{'b': 1, 'a': {'d': 2, 'c': 3}}|tojson(sort_keys=true)", r#"{"a": {"c": 3, "d": 2}, "b": 1}"#),
            ("'é😀'|tojson", r#""é😀""#),
            ("'é😀\x7f'|tojson(ensure_ascii=true)", "\"\\u00e9\\ud83d\\ude00\u{7f}\""),
            ("{'a': [1, 2]}|tojson(separators=(',', ':'))", r#"{"a":[1,2]}"#),
            (
                "{'a': [1, {}], 'b': []}|tojson(indent=2)",
                "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}",
            ),
            ("{'a': 1, 'b': 2}|tojson(indent=0)", "{\n\"a\": 1,\n\"b\": 2\n}"),
            ("[1e16, 1.0, 1e-7, 0.1]|tojson", "[1e+16, 1.0, 1e-07, 0.1]"),
            ("'<a href=\"x\">\\n\\t/'|tojson", r#""<a href=\"x\">\n\t/""#),
        ];
        for (expression, expected) in cases {
            let template = ChatTemplate::new(&format!("{{{{ {expression} }}}}"), "", "").unwrap();
            assert_eq!(template.render(&[], false).unwrap(), expected, "{expression}");
        }
        for wrong in ["1|tojson(separators=',')", "1|tojson(default=1)"] {
            let template = ChatTemplate::new(&format!("{{{{ {wrong} }}}}"), "", "").unwrap();
            assert!(template.render(&[], false).is_err(), "{wrong}");
        }
    }

    #[test]
    fn templates_of_newer_models() {
        let source = "{% for m in messages %}{%- generation %}{{ m.content }}{%- endgeneration %}{% endfor %}\
                      {{ strftime_now('%Y') | length }}";
        let template = ChatTemplate::new(source, "", "").unwrap();
        assert_eq!(template.render(&[ChatMessage::assistant("A")], false).unwrap(), "A4");
    }

    #[test]
    fn templates_by_name() {
        let messages = [ChatMessage::system("S"), ChatMessage::user("U"), ChatMessage::assistant("A")];
        let render = |name: &str| {
            ChatTemplate::named(name, &Metadata::new()).unwrap().unwrap().render(&messages, true).unwrap()
        };
        let gemma = "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\nA<end_of_turn>\n<start_of_turn>model\n";
        assert_eq!(render("gemma"), gemma);
        let turn = |role: &str, text: &str| format!("<|start_header_id|>{role}<|end_header_id|>\n\n{text}");
        let turns = ["system", "user", "assistant"].iter().zip(["S", "U", "A"]);
        let llama: String = turns.map(|(role, text)| turn(role, text) + "<|eot_id|>").collect();
        assert_eq!(render("llama3"), llama + &turn("assistant", ""));
        assert!(ChatTemplate::named("nonsense", &Metadata::new()).is_none());
    }

    #[test]
    fn special_tokens_come_from_the_vocabulary() {
        let mut metadata = Metadata::new();
        metadata.set(TEMPLATE_KEY, "{{ bos_token }}|{{ eos_token }}");
        metadata.set("tokenizer.ggml.tokens", vec!["<s>".to_owned(), "</s>".to_owned()]);
        metadata.set("tokenizer.ggml.bos_token_id", 0_u32);
        metadata.set("tokenizer.ggml.eos_token_id", 9_u32);
        let text = ChatTemplate::from_metadata(&metadata).unwrap().render(&[], false).unwrap();
        assert_eq!(text, "<s>|");
    }

    #[test]
    fn a_template_can_refuse_and_cannot_run_for_ever() {
        let refusing = ChatTemplate::new("{{ raise_exception('roles must alternate') }}", "", "").unwrap();
        let e = refusing.render(&[], false).unwrap_err();
        assert!(e.to_string().contains("roles must alternate"), "{e}");
        let endless = "{% for a in range(90000) %}{% for b in range(90000) %}{% endfor %}{% endfor %}";
        assert!(ChatTemplate::new(endless, "", "").unwrap().render(&[], false).is_err());
        assert!(ChatTemplate::new("{% for %}", "", "").is_err());
    }
}
