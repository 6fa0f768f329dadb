#!/usr/bin/env bash
# Prints the outputs of the deployment `main` of a resource group as NAME=value, ready for $GITHUB_ENV: the variables
# that infra/environments/ENV.toml names. `dataFactoryName` is DATA_FACTORY_NAME, and so on.
#
#   export-outputs.sh RESOURCE_GROUP
set -euo pipefail

outputs=$(az deployment group show --name main --resource-group "$1" --query properties.outputs --output json)
# A deployment that failed has none.
if [[ -z $outputs || $outputs == null || $outputs == "{}" ]]; then
  echo "::error::The deployment 'main' of $1 has no outputs: its last run failed. Deploy infra/main.bicep (infra/README.md)." >&2
  exit 1
fi
jq --raw-output 'to_entries[] | "\(.key | gsub("(?<c>[A-Z])"; "_" + .c) | ascii_upcase)=\(.value.value)"' <<<"$outputs"
