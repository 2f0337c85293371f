//! Every documented operation does what it is for: called by who may, on what is there, it answers 2xx as the document says. A new
//! operation is called by itself, and fails for want of what it needs.

use crate::operations::{Called, document, objects, operations, ready};
use chancery_testkit::{TestServer, on_both_engines};

async fn every_documented_operation_succeeds(server: &TestServer) {
    let (document, there) = (document(server).await, objects(server, &server.acme).await);
    let mut succeeded = 0;
    for operation in operations(server).await {
        let (token, ids) = ready(server, &operation, &there).await;
        let answer = operation.call(server.as_(&token), &ids).await;
        let what = format!("{}: {}", operation.name(), answer.status);
        assert!(answer.status.is_success(), "{what}: {}", answer.text());
        let documented = &document["paths"][&operation.path][operation.method.to_lowercase()]["responses"][answer.status.as_str()];
        let content = documented["content"].as_object().unwrap_or_else(|| panic!("{what} is not documented"));
        let sent = answer.header("content-type").split(';').next().unwrap_or_default();
        assert!(content.contains_key(sent), "{what}: {sent} is not documented");
        succeeded += 1;
    }
    let count: usize = document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(succeeded, count);
}

on_both_engines!(every_documented_operation_succeeds);
