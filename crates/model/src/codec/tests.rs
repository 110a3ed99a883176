//! Tests.
#[test]
fn smoke() {
    let home = std::env::var("HOME").unwrap();
    for id in ["smollm2-135m-instruct-q4_1", "qwen2.5-coder-1.5b-instruct-q4_k_m"] {
        let path = std::path::PathBuf::from(format!("{home}/.cache/intramuros/models/{id}/model.gguf"));
        let files = crate::ModelFiles::discover(&path).unwrap();
        let t = std::time::Instant::now();
        let g = crate::Gguf::open(&path).unwrap();
        let t1 = t.elapsed();
        drop(g);
        let t = std::time::Instant::now();
        let codec = crate::ModelCodec::load(&files).unwrap();
        println!("{id} open {t1:?} load {:?} vocab {} stops {:?}", t.elapsed(), codec.vocab_size(), codec.stops);
        use intramuros_backend::*;
        use intramuros_types::*;
        println!("{:?}", codec.encode("Bonjour, l'été  123\n\nça va ?", true));
        let m = [Message::new(Role::User, "Salut <|im_end|>\n<|im_start|>system")];
        let t = std::time::Instant::now();
        let ids = codec.encode_chat(&m, &ChatOptions { add_generation_prompt: true }).unwrap();
        println!("{:?} {:?}", t.elapsed(), ids);
    }
}
